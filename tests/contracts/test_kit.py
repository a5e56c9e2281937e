"""What tests rely on: ports that nobody else is given, and logs that are shown with a failure."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.kit.evidence import LINES, evidence, nothing_left, process_folder, witnessed
from tests.kit.ports import free_port

OTHERS = (
    "from tests.kit.ports import free_port; print(*(free_port() for _ in range(50)), flush=True); input()"
)


def test_no_two_processes_are_given_the_same_port() -> None:
    given = []
    others = [
        subprocess.Popen([sys.executable, "-c", OTHERS], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    given += [free_port() for _ in range(50)]
    for other in others:
        assert other.stdout is not None
        given += map(int, other.stdout.readline().split())
    for other in others:
        other.communicate(b"\n")
    assert len(set(given)) == len(given) == 150


def test_the_kernel_gives_none_of_these_ports_to_whoever_connects() -> None:
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    if low <= 20_000 and high == 65_535:
        pytest.skip("this kernel leaves no port alone")
    assert all(not low <= free_port() <= high for _ in range(20))


def test_a_failure_is_shown_with_the_ends_of_logs_even_where_the_folder_is_gone(tmp_path: Path) -> None:
    (tmp_path / "envoy.log").write_text("still there\n")
    nothing_left()
    with witnessed(tmp_path):
        with pytest.raises(ZeroDivisionError), process_folder() as folder:  # noqa: PT012 - what it is about
            (folder / "agent.log").write_text("".join(f"line {number}\n" for number in range(100)))
            (folder / "silent.log").touch()
            raise ZeroDivisionError
        found = {name.partition("/")[2]: end.splitlines() for name, end in evidence()}
    assert not folder.exists()
    assert found == {
        "agent.log": [f"line {number}" for number in range(100 - LINES, 100)],
        "envoy.log": ["still there"],
    }
    nothing_left()
    assert evidence() == []
