"""What federation remembers of itself, in the store it is about: so that a backup holds both."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import structlog

from sekisho.federation.acceptance import Held
from sekisho.federation.epochs import Epochs
from sekisho.federation.messages import Message
from sekisho.model.document import check
from sekisho.model.mesh import SYSTEM_NAMESPACE
from sekisho.model.names import ResourceId
from sekisho.store.protocol import NotFound, Store, Write

log = structlog.get_logger(__name__)

JOURNAL = ResourceId("ConfigMap", SYSTEM_NAMESPACE, "federation")
"""Written by the control plane. Without it everything is compared anew, and nothing is lost."""
_EPOCHS = "epochs"
_HELD = "held"


class _Held(Message, frozen=True, kw_only=True):
    """`Held` as JSON."""

    token: str = ""
    kept: tuple[ResourceId, ...] = ()
    confirmation: str = ""
    conflicts: tuple[ResourceId, ...] = ()
    refused: tuple[ResourceId, ...] = ()


@dataclass(frozen=True, slots=True)
class Remembered:
    """The content of the journal."""

    epochs: Epochs = Epochs()  # noqa: RUF009 - a frozen value
    held: Held = Held()  # noqa: RUF009 - a frozen value
    """Of the global control plane, in a zone."""


class Journal:
    """The one writer of `JOURNAL`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._remembered = Remembered()

    @property
    def remembered(self) -> Remembered:
        """As last written."""
        return self._remembered

    async def open(self, name_epoch: Callable[[], str]) -> None:
        """Reads it and begins an epoch. Raises StorageFull or StoreFailed."""
        self._remembered = _read(await _data(self._store))
        epochs = self._remembered.epochs.begun(name_epoch(), await self._store.revision())
        await self._write(replace(self._remembered, epochs=epochs))

    async def hold(self, held: Held) -> None:
        """Remembers how far a zone has heard of global. Raises StorageFull or StoreFailed."""
        if held != self._remembered.held:
            await self._write(replace(self._remembered, held=held))

    async def _write(self, remembered: Remembered) -> None:
        object_ = _document(remembered)
        update = Write("update", JOURNAL, object_)
        (written,) = await self._store.write([update])
        if isinstance(written, NotFound):
            (written,) = await self._store.write([Write("create", JOURNAL, object_)])
        if isinstance(written, Exception):  # made and unmade by somebody else in between: the next one tells
            log.warning("the journal of federation was not written", reason=str(written))
        self._remembered = remembered


def held_as_json(held: Held) -> dict[str, Any]:
    """What `held_of` reads."""
    found: dict[str, Any] = msgspec.to_builtins(
        _Held(
            token=held.token,
            kept=tuple(sorted(held.kept)),
            confirmation=held.confirmation,
            conflicts=tuple(sorted(held.conflicts)),
            refused=tuple(sorted(held.refused)),
        )
    )
    return found


def held_of(found: Any) -> Held:
    """Nothing, of what is no such thing: somebody changed it by hand."""
    try:
        known = msgspec.convert(found, _Held)
    except msgspec.ValidationError:
        return Held()
    return Held(
        known.token,
        frozenset(known.kept),
        known.confirmation,
        frozenset(known.conflicts),
        frozenset(known.refused),
    )


async def _data(store: Store) -> dict[str, str]:
    try:
        record = await store.get(JOURNAL)
    except NotFound:
        return {}
    found: dict[str, str] = msgspec.json.decode(record.body).get("data") or {}
    return found


def _read(data: dict[str, str]) -> Remembered:
    try:
        held = held_of(msgspec.json.decode(data.get(_HELD, "{}")))
    except msgspec.DecodeError:
        held = Held()
    return Remembered(Epochs.parse(data.get(_EPOCHS, "")), held)


def _document(remembered: Remembered) -> dict[str, Any]:
    data = {_EPOCHS: str(remembered.epochs)}
    if remembered.held != Held():
        data[_HELD] = msgspec.json.encode(held_as_json(remembered.held)).decode()
    metadata = {"name": JOURNAL.name, "namespace": JOURNAL.namespace}
    written = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
    return check("ConfigMap", written).object
