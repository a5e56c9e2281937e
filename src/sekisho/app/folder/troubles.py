"""Tells of mistakes while people edit: each new one once, and when all are gone."""

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Any

from sekisho.app.voice import Voice
from sekisho.client import Client, ClientError, present_then_changes
from sekisho.client.reviews import ask
from sekisho.client.system_status import SystemStatus, Trouble
from sekisho.model.kinds import KINDS
from sekisho.model.names import ResourceId
from sekisho.model.problems import Problem

ALWAYS = frozenset({"GatewayClass", "Gateway", "HTTPRoute"})
"""Kinds whose statuses are followed whatever a folder holds: people also use `kubectl`."""
LineOf = Callable[[ResourceId, str], int]
"""The line of a field of a resource in the file it was read from; 0 when that is not known."""
_PATH = re.compile(r"(?P<path>spec[\w.\[\]]*): ")
"""Messages about a field begin with its path."""
_SETTLE = 0.1
"""Seconds: one edit changes several statuses, one after another."""


class Troubles:
    """Asks the control plane for what is wrong whenever a status changed."""

    def __init__(self, client: Client, voice: Voice, line_of: LineOf) -> None:
        """`line_of` knows where fields stand now, better than the annotations of the resources do."""
        self._client = client
        self._voice = voice
        self._line_of = line_of
        self._kinds = set(ALWAYS)
        self._changed = asyncio.Event()

    def follow(self, kinds: Iterable[str]) -> None:
        """Statuses of these kinds, too; what has none is left out."""
        with_status = {kind for kind in kinds if kind in KINDS and KINDS[kind].has_status}
        if not with_status <= self._kinds:
            self._kinds |= with_status
            self._changed.set()

    async def tell(self) -> None:
        """Runs until cancelled."""
        followed: set[str] = set()
        known: frozenset[tuple[str, str]] = frozenset()
        async with asyncio.TaskGroup() as group:
            while True:
                for kind in sorted(self._kinds - followed):
                    group.create_task(self._note_changes(kind), name=f"watch statuses of {kind}")
                    followed.add(kind)
                await self._changed.wait()
                await asyncio.sleep(_SETTLE)
                self._changed.clear()
                known = await self._tell_news(known)

    async def _tell_news(self, known: frozenset[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """What is wrong now. What was in `known` has been told."""
        found = await _troubles(self._client, self._line_of)
        if found is None:
            return known
        self._voice.problems(sorted(problem for problem in found if _mistake(problem) not in known))
        if known and not found:
            self._voice.done("no problems any more")
        return frozenset(map(_mistake, found))

    async def _note_changes(self, kind: str) -> None:
        states = present_then_changes(self._client, kind, _status)
        async with aclosing(states):
            async for _ in states:
                self._changed.set()


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
