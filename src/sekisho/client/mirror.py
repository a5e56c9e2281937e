"""A kind as it is now, and again after every change, for as long as anybody listens."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

from sekisho.aio.backoff import Backoff
from sekisho.client.client import EVERYTHING, Client, Selection
from sekisho.client.errors import Gone, TooManyRequests, Unavailable, Unreachable
from sekisho.client.watching import Event, Key, key

T = TypeVar("T")

FIRST_WAIT = 0.05
LONGEST_WAIT = 5.0
"""Bounds of the seconds between attempts while the server cannot be reached."""


async def present_then_changes(
    client: Client,
    kind: str,
    decode: Callable[[Mapping[str, Any]], T],
    selection: Selection = EVERYTHING,
) -> AsyncGenerator[Mapping[Key, T]]:
    """Yields all objects of `kind` at once, then again whenever what `decode` makes of them changed.

    Changes that arrive while the consumer is busy come as one. It outlives restarts of the server and
    expired revisions (then it lists again and tells the difference only). Raises what waiting cannot heal:
    Unauthorized, Forbidden, UnknownKind, and whatever `decode` raises. Use it within `aclosing`.
    """
    told: Mapping[Key, T] | None = None
    backoff = Backoff(random.random, first=FIRST_WAIT, limit=LONGEST_WAIT)
    while True:
        try:
            states = _states(client, kind, decode, selection)
            async with aclosing(states):
                async for state in states:
                    backoff.reset()
                    if state != told:
                        told = state
                        yield told
        except Gone:
            continue
        except (Unreachable, Unavailable, TooManyRequests):
            await asyncio.sleep(backoff.next())


async def _states(
    client: Client, kind: str, decode: Callable[[Mapping[str, Any]], T], selection: Selection
) -> AsyncGenerator[Mapping[Key, T]]:
    """A list, then the state after each batch of events; resumes when the server ends a watch in order."""
    listing = await client.list(kind, selection)
    state = {key(item): decode(item) for item in listing.items}
    yield dict(state)
    revision = listing.revision
    while True:
        batches = client.watch(kind, revision, selection)
        async with aclosing(batches):
            async for batch in batches:
                _advance(state, batch, decode)
                revision = next((event.revision for event in reversed(batch) if event.revision), revision)
                yield dict(state)


def _advance(state: dict[Key, T], batch: Sequence[Event], decode: Callable[[Mapping[str, Any]], T]) -> None:
    for event in batch:
        if event.type == "DELETED":
            state.pop(key(event.object), None)
        elif event.type != "BOOKMARK":
            state[key(event.object)] = decode(event.object)
