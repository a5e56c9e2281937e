"""What a write does to a resource: the Kubernetes rules of metadata and status, without any storage."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from sekisho.kit.clocks import rfc3339
from sekisho.store.protocol import AlreadyExists, Conflict, Event, EventType, NotFound, Record, Write

Object = dict[str, Any]

_OWNED = frozenset(
    (
        "uid",
        "creationTimestamp",
        "generation",
        "resourceVersion",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
    )
)
"""Fields of metadata that only the store sets; a writer's own are ignored, as the Kubernetes API does."""

_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(dict)


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the world adds to a write."""

    revision: int
    """The revision the write gets if it changes anything."""
    now: datetime
    """In UTC."""
    uid: Callable[[], str]
    """Makes the uid of a new resource."""


def apply(write: Write, current: Record | None, stamp: Stamp) -> Event | None:
    """The event that `write` causes on what is stored now; None when it changes nothing.

    Raises NotFound, AlreadyExists, Conflict; TypeError or ValueError when the object is no JSON object.
    """
    if write.verb == "create":
        return _create(write, current, stamp)
    if current is None:
        raise NotFound(f"{write.id} does not exist")
    if write.expect is not None and write.expect != current.revision:
        raise Conflict(f"{write.id} is at revision {current.revision}, the writer has seen {write.expect}")
    match write.verb:
        case "update":
            return _update(write, current, stamp)
        case "status":
            return _status(write, current, stamp)
        case "delete":
            return _delete(write, current, stamp)
        case verb:
            raise ValueError(f"unknown verb {verb!r}: expected create, update, status or delete")


def _create(write: Write, current: Record | None, stamp: Stamp) -> Event:
    if current is not None:
        raise AlreadyExists(f"{write.id} already exists")
    made = {field: value for field, value in _given(write).items() if field != "status"}
    made["metadata"] = _writers_metadata(write) | {
        "uid": stamp.uid(),
        "creationTimestamp": rfc3339(stamp.now),
        "generation": 1,
    }
    return _event(EventType.ADDED, write, made, stamp, None)


def _update(write: Write, current: Record, stamp: Stamp) -> Event | None:
    old: Object = _decoder.decode(current.body)
    kept = {field: value for field, value in old["metadata"].items() if field in _OWNED}
    new = {field: value for field, value in _given(write).items() if field != "status"}
    if "status" in old:
        new["status"] = old["status"]
    new["metadata"] = _writers_metadata(write) | kept
    if _encoder.encode(new) == current.body:
        return None
    if _intent(new) != _intent(old):
        new["metadata"]["generation"] = kept["generation"] + 1
    gone = "deletionTimestamp" in kept and not new["metadata"].get("finalizers")
    return _event(EventType.DELETED if gone else EventType.MODIFIED, write, new, stamp, current)


def _status(write: Write, current: Record, stamp: Stamp) -> Event | None:
    new: Object = _decoder.decode(current.body)
    status = _given(write).get("status")
    if status is None:
        new.pop("status", None)
    else:
        new["status"] = status
    if _encoder.encode(new) == current.body:
        return None
    return _event(EventType.MODIFIED, write, new, stamp, current)


def _delete(write: Write, current: Record, stamp: Stamp) -> Event | None:
    new: Object = _decoder.decode(current.body)
    metadata = new["metadata"]
    if not metadata.get("finalizers"):
        return _event(EventType.DELETED, write, new, stamp, current)
    if "deletionTimestamp" in metadata:
        return None
    metadata["deletionTimestamp"] = rfc3339(stamp.now)
    return _event(EventType.MODIFIED, write, new, stamp, current)


def _event(kind: EventType, write: Write, new: Object, stamp: Stamp, old: Record | None) -> Event:
    new["metadata"]["resourceVersion"] = str(stamp.revision)
    return Event(kind, Record(write.id, stamp.revision, _encoder.encode(new)), old)


def _given(write: Write) -> Mapping[str, Any]:
    if not isinstance(write.object, Mapping):
        raise TypeError(f"{write.verb} of {write.id} needs an object, got {type(write.object).__name__}")
    return write.object


def _writers_metadata(write: Write) -> Object:
    """The part of metadata that is the writer's, with the name it is stored under."""
    given = _given(write).get("metadata") or {}
    if not isinstance(given, Mapping):
        raise TypeError(f"metadata of {write.id} must be an object, got {type(given).__name__}")
    metadata = {field: value for field, value in given.items() if field not in _OWNED}
    metadata["name"] = write.id.name
    metadata.pop("namespace", None)
    if write.id.namespace:
        metadata["namespace"] = write.id.namespace
    return metadata


def _intent(body: Object) -> bytes:
    """What `generation` counts the changes of; as bytes, because 1 == True in Python but not in JSON."""
    return _encoder.encode(
        {field: value for field, value in body.items() if field not in ("metadata", "status")}
    )
