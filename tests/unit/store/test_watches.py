"""How much the history and the watchers hold."""

import pytest

from sekisho.model.names import ResourceId
from sekisho.store.protocol import Event, EventType, Expired, Record
from sekisho.store.watches import History, HistoryLimits, Hub


def event(revision: int, size: int = 1, kind: str = "Service", namespace: str = "shop") -> Event:
    return Event(EventType.ADDED, Record(ResourceId(kind, namespace, f"s{revision}"), revision, b"." * size))


def test_the_history_keeps_the_newest_events() -> None:
    history = History(HistoryLimits(events=3))
    assert history.append(map(event, range(1, 4))) == []
    assert history.append([event(4), event(5)]) == [event(1), event(2)]
    assert history.compacted == 2
    assert history.after(2) == [event(3), event(4), event(5)]
    assert history.after(4) == [event(5)]
    assert history.after(5) == []
    with pytest.raises(Expired):
        history.after(1)


def test_the_history_keeps_within_its_bytes_but_always_the_newest_event() -> None:
    history = History(HistoryLimits(events=100, bytes=10))
    assert history.append([event(1, 4), event(2, 4), event(3, 4)]) == [event(1, 4)]
    assert history.append([event(4, 1000)]) == [event(2, 4), event(3, 4)]
    assert history.after(3) == [event(4, 1000)]


async def test_a_lost_watcher_holds_nothing_and_is_not_offered_more() -> None:
    hub = Hub(HistoryLimits(events=3))
    watch = hub.watch(["Service"], None, 0)
    for revision in range(1, 10):
        hub.publish([event(revision)])
    assert watch._queue == []
    assert hub._subscribers == {}
    with pytest.raises(Expired):
        await anext(watch)


async def test_a_commit_larger_than_the_history_still_reaches_who_kept_up() -> None:
    hub = Hub(HistoryLimits(events=3))
    watch = hub.watch(["Service"], None, 0)
    hub.publish([event(1), event(2)])
    assert len(await anext(watch)) == 2
    hub.publish([event(3), event(4), event(5)])
    assert len(await anext(watch)) == 3


async def test_closed_watches_leave_nothing_behind() -> None:
    hub = Hub(HistoryLimits())
    for namespace in (None, "a", "b"):
        await hub.watch(["Service", "Secret"], namespace, 0).aclose()
    assert hub._subscribers == {}


async def test_a_write_asks_only_the_watchers_of_its_kind_and_namespace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub = Hub(HistoryLimits())
    wanted = [hub.watch(["Service"], None, 0), hub.watch(["Service", "Secret"], "shop", 0)]
    others = [hub.watch(["Secret"], None, 0), hub.watch(["Service"], "bank", 0)]
    offered = []
    monkeypatch.setattr("sekisho.store.watches.EventWatch.offer", lambda watch, *_: offered.append(watch))
    hub.publish([event(1)])
    assert set(offered) == set(wanted)
    assert not set(offered) & set(others)
