"""Tells of mistakes while people edit: each new one once, and when all are gone."""

import asyncio
import re
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any

from sekisho.app.voice import Voice
from sekisho.client import Client, ClientError, present_then_changes
from sekisho.client.reviews import ask
from sekisho.client.system_status import SystemStatus, Trouble
from sekisho.model.names import ResourceId
from sekisho.model.problems import Problem

KINDS = ("gatewayclasses", "gateways", "httproutes")
"""Kinds whose status tells about their authors' mistakes."""
LineOf = Callable[[ResourceId, str], int]
"""The line of a field of a resource in the file it was read from; 0 when that is not known."""
_PATH = re.compile(r"(?P<path>spec[\w.\[\]]*): ")
"""Messages about a field begin with its path."""
_SETTLE = 0.1
"""Seconds: one edit changes several statuses, one after another."""


async def tell_troubles(client: Client, voice: Voice, line_of: LineOf) -> None:
    """Asks the control plane for what is wrong whenever a status changed; runs until cancelled.

    `line_of` knows where fields stand now, better than the annotations of the resources do.
    """
    changed = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for kind in KINDS:
            group.create_task(_note_changes(client, kind, changed), name=f"watch statuses of {kind}")
        known: frozenset[tuple[str, str]] = frozenset()
        while True:
            await changed.wait()
            await asyncio.sleep(_SETTLE)
            changed.clear()
            found = await _troubles(client, line_of)
            if found is None:
                continue
            voice.problems(sorted(problem for problem in found if _mistake(problem) not in known))
            if known and not found:
                voice.done("no problems any more")
            known = frozenset(map(_mistake, found))


async def _note_changes(client: Client, kind: str, changed: asyncio.Event) -> None:
    states = present_then_changes(client, kind, _status)
    async with aclosing(states):
        async for _ in states:
            changed.set()


async def _troubles(client: Client, line_of: LineOf) -> frozenset[Problem] | None:
    """None when the control plane cannot say now: the watches tell when it is back."""
    try:
        troubles = (await ask(client, "SystemStatus", None, SystemStatus)).troubles
    except ClientError:
        return None
    return frozenset(_problem(trouble, line_of) for trouble in troubles)


def _problem(trouble: Trouble, line_of: LineOf) -> Problem:
    named = _PATH.match(trouble.message)
    path = trouble.path or (named["path"] if named else "")
    line = line_of(ResourceId.parse(trouble.resource), path) or trouble.line
    return Problem(trouble.resource, trouble.message, reason=trouble.reason, file=trouble.file, line=line)


def _mistake(problem: Problem) -> tuple[str, str]:
    """What makes it the same one: not its line, which moves while people edit around it."""
    return problem.path, problem.message


def _status(resource: Mapping[str, Any]) -> Any:
    return resource.get("status")
