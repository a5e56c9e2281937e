"""Tells of mistakes while people edit: each new one once, and when all are gone."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from sekisho.app.voice import Voice
from sekisho.client import Client, ClientError, present_then_changes
from sekisho.client.reviews import SystemStatus, Trouble, ask
from sekisho.model.problems import Problem

KINDS = ("gatewayclasses", "gateways", "httproutes")
"""Kinds whose status tells about their authors' mistakes."""
_SETTLE = 0.1
"""Seconds: one edit changes several statuses, one after another."""


async def tell_troubles(client: Client, voice: Voice) -> None:
    """Asks the control plane for what is wrong whenever a status changed; runs until cancelled."""
    changed = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for kind in KINDS:
            group.create_task(_note_changes(client, kind, changed), name=f"watch statuses of {kind}")
        known: frozenset[Problem] = frozenset()
        while True:
            await changed.wait()
            await asyncio.sleep(_SETTLE)
            changed.clear()
            found = await _troubles(client)
            if found is None:
                continue
            voice.problems(sorted(found - known))
            if known and not found:
                voice.done("no problems any more")
            known = found


async def _note_changes(client: Client, kind: str, changed: asyncio.Event) -> None:
    states = present_then_changes(client, kind, _status)
    async with aclosing(states):
        async for _ in states:
            changed.set()


async def _troubles(client: Client) -> frozenset[Problem] | None:
    """None when the control plane cannot say now: the watches tell when it is back."""
    try:
        return frozenset(map(_problem, (await ask(client, "SystemStatus", None, SystemStatus)).troubles))
    except ClientError:
        return None


def _problem(trouble: Trouble) -> Problem:
    path = f"{trouble.resource} {trouble.path}".strip()
    return Problem(path, trouble.message, reason=trouble.reason, file=trouble.file, line=trouble.line)


def _status(resource: Mapping[str, Any]) -> Any:
    return resource.get("status")
