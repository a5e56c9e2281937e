"""That finding and listing cost what is asked for, not what exists."""

from sekisho.model.names import ResourceId
from sekisho.store.index import Index
from sekisho.store.protocol import Event, EventType, Record


def added(kind: str, namespace: str, name: str) -> Event:
    return Event(EventType.ADDED, Record(ResourceId(kind, namespace, name), 1, b"{}"))


def test_an_unchanged_listing_is_the_same_object_whatever_else_changes() -> None:
    index = Index()
    index.apply(added("Service", "a", "x"))
    index.apply(added("Service", "b", "x"))
    everywhere, in_a = index.list(["Service"], None), index.list(["Service"], "a")
    index.apply(added("Secret", "a", "x"))
    assert index.list(["Service"], None) is everywhere
    index.apply(added("Service", "b", "y"))
    assert index.list(["Service"], "a") is in_a
    assert len(index.list(["Service"], None)) == 3


def test_names_that_come_and_go_leave_nothing_behind() -> None:
    index = Index()
    for n in range(100):
        event = added(f"Kind{n}", f"space{n}", "x")
        index.apply(event)
        index.list([f"Kind{n}"], None)
        index.list([f"Kind{n}"], f"space{n}")
        index.apply(Event(EventType.DELETED, event.record))
        index.list([f"Kind{n}"], f"space{n}")
        index.list([f"Kind{n}"], "never")
    assert index._kinds == {}
    assert index._sorted == {}
