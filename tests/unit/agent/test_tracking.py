"""What a proxy acknowledged, told from a copy of what was said."""

from tests.kit.delta import Request, request, response

from sekisho.agent.snapshot import Snapshot
from sekisho.agent.tracking import Tracker
from sekisho.xds.types import CLUSTER, ENDPOINTS, LISTENER, Blob, Name


def held(snapshot: Snapshot) -> dict[tuple[str, str], str]:
    return {(name.type_url, name.name): blob.version for name, blob in snapshot.resources.items()}


def followed(snapshot: Snapshot | None = None) -> Tracker:
    return Tracker(snapshot or Snapshot({}))


def blob(text: str) -> Blob:
    return Blob(text, text.encode())


def test_a_resource_is_held_from_its_acknowledgement_on() -> None:
    tracker = followed()
    tracker.request(request(CLUSTER))
    tracker.response(response(CLUSTER, "1", a=b"v1"))
    assert held(tracker.snapshot) == {}
    tracker.request(request(CLUSTER, nonce="1"))
    assert tracker.snapshot.resources == {Name(CLUSTER, "a"): blob("v1")}


def test_proxies_that_are_told_the_same_hold_the_same_objects() -> None:
    first, second = followed(), followed()
    for tracker in (first, second):
        tracker.response(bytes(bytearray(response(CLUSTER, "1", a=b"v1"))))
        tracker.request(request(CLUSTER, nonce="1"))
    (one,), (other,) = first.snapshot.resources.values(), second.snapshot.resources.values()
    assert one is other


def test_what_was_refused_is_not_held() -> None:
    tracker = followed(Snapshot({Name(CLUSTER, "a"): blob("v1")}))
    tracker.response(response(CLUSTER, "1", a=b"v2"))
    tracker.request(request(CLUSTER, nonce="1", error="no"))
    assert held(tracker.snapshot) == {(CLUSTER, "a"): "v1"}


def test_equal_nonces_of_different_types_are_different() -> None:
    tracker = followed()
    tracker.response(response(CLUSTER, "1", a=b"v1"))
    tracker.response(response(LISTENER, "1", b=b"v1"))
    tracker.request(request(CLUSTER, nonce="1"))
    tracker.request(request(LISTENER, nonce="1"))
    assert held(tracker.snapshot) == {(CLUSTER, "a"): "v1", (LISTENER, "b"): "v1"}


def test_what_was_removed_or_is_no_longer_asked_for_is_dropped() -> None:
    tracker = followed(Snapshot({Name(CLUSTER, "a"): blob("v1"), Name(ENDPOINTS, "a"): blob("v1")}))
    tracker.response(response(CLUSTER, "1", "a"))
    tracker.request(request(CLUSTER, nonce="1"))
    tracker.request(request(ENDPOINTS, unsubscribe=["a"]))
    assert held(tracker.snapshot) == {}


def test_messages_pass_unchanged_when_the_snapshot_holds_what_the_proxy_claims() -> None:
    tracker = followed(Snapshot({Name(CLUSTER, "a"): blob("v1")}))
    for message in (request(CLUSTER, have={"a": "v1"}), request(CLUSTER, nonce="9"), request(LISTENER)):
        assert tracker.request(message) == message


def test_proxies_that_hold_the_same_claim_it_in_the_same_octets() -> None:
    names = {f"cluster-{number}": b"v1" for number in range(20)}
    said = set()
    for order in (list(names), list(reversed(names))):
        asked = Request(type_url=ENDPOINTS, resource_names_subscribe=order)
        for name in order:
            asked.initial_resource_versions[name] = "v1"
        snapshot = Snapshot({Name(ENDPOINTS, name): blob("v1") for name in names})
        said.add(followed(snapshot).request(asked.SerializeToString()))
    assert len(said) == 1
    assert set(Request.FromString(said.pop()).initial_resource_versions) == set(names)


def test_a_claim_that_the_snapshot_cannot_match_is_left_out_so_that_it_is_sent_again() -> None:
    tracker = followed(Snapshot({Name(CLUSTER, "a"): blob("v1"), Name(CLUSTER, "b"): blob("old")}))
    told = Request.FromString(tracker.request(request(CLUSTER, have={"a": "v1", "b": "new", "c": "v1"})))
    assert dict(told.initial_resource_versions) == {"a": "v1"}


def test_leftovers_of_an_earlier_life_are_known_once_the_proxy_has_its_listeners() -> None:
    old, kept = Name(CLUSTER, "old"), Name(CLUSTER, "kept")
    tracker = followed(Snapshot({old: blob("v1"), kept: blob("v1")}))
    tracker.request(request(CLUSTER))
    tracker.response(response(CLUSTER, "1", kept=b"v1"))
    tracker.request(request(CLUSTER, nonce="1"))
    assert tracker.leftovers() == set()
    tracker.request(request(LISTENER))
    tracker.response(response(LISTENER, "1"))
    assert tracker.leftovers() == set()
    tracker.request(request(LISTENER, nonce="1"))
    assert tracker.leftovers() == {old}


def test_what_a_reconnected_proxy_claims_is_no_leftover() -> None:
    a, b, gone = Name(CLUSTER, "a"), Name(LISTENER, "b"), Name(CLUSTER, "gone")
    tracker = followed(Snapshot({a: blob("v1"), b: blob("v1"), gone: blob("v1")}))
    tracker.request(request(CLUSTER, have={"a": "v1"}))
    tracker.request(request(LISTENER, have={"b": "v1"}))
    assert tracker.leftovers() == {gone}


def test_what_was_taken_without_a_word_before_the_stream_broke_is_held_once_the_proxy_claims_it() -> None:
    first = followed()
    first.response(response(CLUSTER, "1", a=b"v1", b=b"v1", refused=b"v1"))
    second = followed(first.snapshot)
    told = second.request(request(CLUSTER, have={"a": "v1", "b": "v0"}))
    assert held(second.snapshot) == {(CLUSTER, "a"): "v1"}
    assert dict(Request.FromString(told).initial_resource_versions) == {"a": "v1"}


def test_what_was_refused_is_not_held_even_when_claimed_later() -> None:
    first = followed()
    first.response(response(CLUSTER, "1", a=b"v1"))
    first.request(request(CLUSTER, nonce="1", error="no"))
    second = followed(first.snapshot)
    second.request(request(CLUSTER, have={"a": "v1"}))
    assert held(second.snapshot) == {}
