"""Fixtures that give a test module one running system; import the one wanted to use it."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.kit.system import System, running_system


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system() -> AsyncIterator[System]:
    """Control plane, agent, and an Envoy for each Gateway that a test makes."""
    async with running_system() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def control_plane() -> AsyncIterator[System]:
    """A control plane alone."""
    async with running_system(agent=False) as running:
        yield running
