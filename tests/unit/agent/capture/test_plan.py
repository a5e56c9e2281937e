"""What a capture's plan makes of what users write."""

import pytest

from sekisho.agent.capture.plan import ranges, table_name


def test_tables_of_workloads_differ_and_need_no_quotes() -> None:
    names = {table_name(workload) for workload in ("a/b", "a/c", "b/b", 'a/b"; flush ruleset')}
    assert len(names) == 4
    assert all(name.replace("_", "").isalnum() and len(name) < 32 for name in names)


def test_a_range_may_have_host_bits_and_must_be_one() -> None:
    assert [str(each) for each in ranges(("10.1.2.3/8", "fd00::1/8"))] == ["10.0.0.0/8", "fd00::/8"]
    with pytest.raises(ValueError, match="does not appear to be"):
        ranges(("everything",))
