"""Names and paths of a proxy's files, and the limits its Envoy gets."""

import resource
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.agent.envoy import LONGEST_SOCKET_PATH, socket_path
from sekisho.agent.limits import connections, heap_bytes
from sekisho.agent.options import directory_name

IDS = st.from_regex(r"gateway/[a-z0-9-]{1,63}/[a-z0-9.-]{1,253}", fullmatch=True)


@given(IDS, IDS)
def test_directories_are_distinct_short_and_plain(one: str, other: str) -> None:
    assert (directory_name(one) == directory_name(other)) == (one == other)
    assert len(directory_name(one)) <= 29
    assert directory_name(one).replace("-", "").isalnum()


def test_a_socket_path_that_no_system_takes_is_refused() -> None:
    longest = Path("/" + "d" * (LONGEST_SOCKET_PATH - 3))
    assert len(bytes(socket_path(longest, "s"))) == LONGEST_SOCKET_PATH
    with pytest.raises(ValueError, match="107 bytes of a socket path"):
        socket_path(longest, "ss")


def test_the_heap_is_a_part_of_the_smallest_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr("sekisho.agent.limits.CGROUP_LIMITS", (tmp_path / "none", limit))
    limit.write_text("max\n")
    machine = heap_bytes()
    assert machine > 100_000_000
    limit.write_text("1000000\n")
    assert heap_bytes() == 800_000


def test_connections_leave_files_for_their_backends() -> None:
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert connections(1) == 1
    assert connections(10**9) == (10**9 if files == resource.RLIM_INFINITY else files // 2)
