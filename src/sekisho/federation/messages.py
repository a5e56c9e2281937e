"""What two control planes say to each other: batches of changes as lines of JSON, and the answers."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from sekisho.model.names import ResourceId

MOST_CHANGES = 256
"""In a batch."""
MOST_BYTES = 256 * 1024
"""Of objects in a batch; one object larger than that goes alone."""


MOST_TOLD = 100
"""Resources named in a report."""
LONGEST_TEXT = 2048

Text = Annotated[str, Meta(max_length=LONGEST_TEXT)]
Texts = Annotated[tuple[Text, ...], Meta(max_length=MOST_TOLD)]


class Message(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Base of all: what a newer version adds is passed over by an older one."""


class Change(NamedTuple):
    """What became of one resource."""

    id: ResourceId
    """As the receiver calls it."""
    object: bytes | None
    """As JSON; None when it is gone."""


class Batch(Message, frozen=True, kw_only=True):
    """Some changes, in any order, and where the sender's history is after them."""

    puts: Annotated[tuple[msgspec.Raw, ...], Meta(max_length=MOST_CHANGES)] = ()
    """Objects as they are now."""
    gone: Annotated[tuple[ResourceId, ...], Meta(max_length=MOST_CHANGES)] = ()
    token: str = ""
    """Where to resume; empty in all but the last batch of a listing."""
    listing: Literal["", "part", "end"] = ""
    """Of a listing: what is in none of its batches is no more."""
    continues: bool = False
    """Of the end of a listing: that the sender still knows the history the receiver has heard of. Otherwise
    one of them was restored from a backup, and what is missing is perhaps not gone."""


class Refused(Message, frozen=True, kw_only=True):
    """Something the receiver did not take, and why, for people."""

    id: ResourceId
    why: str


class Report(Message, frozen=True, kw_only=True):
    """How a zone is, as it says itself."""

    version: Text = ""
    started_at: Text = ""
    """RFC 3339."""
    proxies: Annotated[dict[Text, int], Meta(max_length=64)] = {}
    """Counts, such as connected and all."""
    certificate_expiry: Text = ""
    """RFC 3339: when its certificate for the global control plane ends."""
    conflicts: Texts = ()
    """What is called like something of global's, and stays."""
    refused: Texts = ()
    """What of global's it cannot take, and why."""
    confirmation: Text = ""
    """Asked for by this name; see `acceptance.Held`."""
    kept: Texts = ()
    """What waits for it."""
    minutes_ahead: int = 0
    """How far its clock is ahead of global's; below 0 when it is behind."""


class Upload(Message, frozen=True, kw_only=True):
    """From a zone: a batch, and how it is."""

    batch: Batch = Batch()
    session: str = ""
    """As global called it; there is one at a time, so that the batches of two never mingle."""
    after: str = ""
    """The token global must hold before it; with another one the batch is not the next."""
    report: Report | None = None
    heard: str = ""
    """The token up to which the zone has taken what global told it."""


class Answer(Message, frozen=True, kw_only=True):
    """To a zone: what global holds of it now."""

    token: str = ""
    session: str = ""
    """For the uploads that follow; the answer to a question for the token begins a new one."""
    listing: bool = False
    """Whether global wants to hear of everything once more."""
    refused: tuple[Refused, ...] = ()
    now: str = ""
    """RFC 3339: what global's clock says; empty from an older one."""


def batches(changes: Iterable[Change], token: str, *, continues: bool | None = None) -> Iterator[Batch]:
    """The changes in batches within the limits, at least one; only the last one has the token.

    `continues` makes them a listing: whether the sender knows the receiver's history.
    """
    part: Literal["", "part"] = "" if continues is None else "part"
    puts: list[msgspec.Raw] = []
    gone: list[ResourceId] = []
    size = 0
    for change in changes:
        weight = len(change.object or b"")
        if len(puts) + len(gone) >= MOST_CHANGES or (size and size + weight > MOST_BYTES):
            yield Batch(puts=tuple(puts), gone=tuple(gone), listing=part)
            puts, gone, size = [], [], 0
        size += weight
        if change.object is None:
            gone.append(change.id)
        else:
            puts.append(msgspec.Raw(change.object))
    listing: Literal["", "end"] = "" if continues is None else "end"
    yield Batch(puts=tuple(puts), gone=tuple(gone), token=token, listing=listing, continues=bool(continues))
