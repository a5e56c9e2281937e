"""A client of a real API over a store in memory, without sockets."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from tests.kit.users import TokenTable

from sekisho.api import User, create_app
from sekisho.client import Client
from sekisho.client.kubeconfig import Access
from sekisho.client.transport import Transport
from sekisho.store.memory import open_memory


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with open_memory() as store:
        tokens = TokenTable({"admin": User("admin", frozenset({"admin"}))})
        app = create_app(store, tokens)
        await app.start()
        access = Access(server="http://api.test", token="admin")
        async with Client(Transport(access, transport=httpx2.ASGITransport(app=app))) as client:
            yield client
