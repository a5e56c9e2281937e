"""What a log remembers, and what it forgets once everybody is past it."""

from sekisho.xds.log import NOTHING, Log
from sekisho.xds.order import Part
from sekisho.xds.resource import Shelf
from sekisho.xds.types import Blob

CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"


def _log(*names: str) -> Log:
    """A log with these names, one by one in the commits 1, 2…"""
    log = Log(CLUSTER, Shelf())
    for seq, name in enumerate(names, 1):
        log.apply(seq, {name: Blob("1", b"")})
    return log


def _names(log: Log, since: int, part: Part) -> list[str]:
    """What a member that is at `since` is told: what is there or changed, and what is gone."""
    chunks = log.delta(since, log.seqs[Part.BOTH], part, None).chunks
    return [name for each in chunks for name in (*(one.name for one in each.resources), *each.removed)]


def test_the_way_from_a_commit_that_some_member_is_at_survives_forgetting() -> None:
    log = _log("a", "b", "c")
    log.apply(4, {"a": None})
    log.forget(2)
    assert _names(log, 2, Part.MAKE) == ["c"]
    assert _names(log, 2, Part.BREAK) == ["a"]
    assert log.tombstones == 1


def test_who_comes_after_everything_was_forgotten_is_sent_all_there_is() -> None:
    log = _log("a", "b")
    log.apply(3, {"a": None})
    log.forget(3)
    assert log.tombstones == 0
    assert _names(log, NOTHING, Part.MAKE) == ["b"]


def test_what_was_there_before_anybody_came_is_new_to_who_comes() -> None:
    log = _log("a", "b")
    log.forget(2)
    assert log.newest_addition == 2
    assert list(log.added_since(0)) == ["a", "b"]
    log.apply(3, {"c": Blob("1", b"")})
    assert list(log.added_since(2)) == ["c"]
    assert set(log.added_since(0)) == {"a", "b", "c"}
    assert log.added_at("a") <= 2 < log.added_at("c")


def test_what_changes_after_forgetting_is_told_as_before() -> None:
    log = _log("a", "b")
    log.forget(2)
    log.apply(3, {"a": Blob("2", b"")})
    assert _names(log, 2, Part.MAKE) == ["a"]
    assert log.changed_at("a") == 3
