"""Answers about what would happen: explanations, permissions, dumps, with and without shadows."""

import asyncio

from sekisho.api import User
from sekisho.client.reviews import (
    ConfigDump,
    ConfigDumpSpec,
    Explanation,
    ExplanationSpec,
    Permission,
    PermissionSpec,
)
from sekisho.control.config_dump import config_dump
from sekisho.control.explain import explain
from sekisho.control.loop import ControlLoop
from sekisho.control.permissions import permissions
from sekisho.control.shadow import shadow_dump, shadow_engine


class Explaining:
    """Asks the engine of the control loop, or for shadows one made for the question: the loop goes on."""

    def __init__(self, loop: ControlLoop) -> None:
        self._loop = loop

    async def explanation(self, _: User, spec: ExplanationSpec) -> Explanation:
        """Who decides what about a request."""
        served = self._loop.served()
        if not spec.shadow:
            return explain(self._loop.engine, served, spec)
        return await asyncio.to_thread(explain, shadow_engine(self._loop.engine), served, spec)

    async def permission(self, _: User, spec: PermissionSpec) -> Permission:
        """Whether one may call another."""
        if not spec.shadow:
            return permissions(self._loop.engine.read, spec)
        return await asyncio.to_thread(permissions, shadow_engine(self._loop.engine).read, spec)

    async def dump(self, _: User, spec: ConfigDumpSpec) -> ConfigDump:
        """What proxies are given."""
        if not spec.shadow:
            return config_dump(self._loop.engine, self._loop.publisher.worlds, spec)
        return await asyncio.to_thread(shadow_dump, self._loop.engine.leaves(), spec)
