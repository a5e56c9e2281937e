"""An API over a store in memory."""

from collections.abc import AsyncIterator

import pytest

from sekisho.aio.clock import FakeClock
from sekisho.api import About, Limits, TokenTable, create_app, token_hash
from sekisho.store.memory import open_memory

from .harness import REVIEW, USERS, Api, Factory


@pytest.fixture
async def make_api() -> AsyncIterator[Factory]:
    """Makes an API with other limits."""
    async with open_memory() as store:

        def make(limits: Limits = Limits(), about: About = About()) -> Api:  # noqa: B008 - frozen values
            clock = FakeClock()
            tokens = TokenTable([(token_hash(f"{name}-token"), user) for name, user in USERS.items()])
            app = create_app(store, tokens, reviews=[REVIEW], limits=limits, clock=clock, about=about)
            return Api(app, store, clock)

        yield make


@pytest.fixture
async def api(make_api: Factory) -> Api:
    """An API with the namespace `default`."""
    made = make_api()
    await made.app.start()
    return made
