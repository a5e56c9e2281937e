"""The fixture that gives a test module one running gateway; import it to use it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.kit.gateway import Gateway, running_gateway


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    async with running_gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running
