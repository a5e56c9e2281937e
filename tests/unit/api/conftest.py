"""An API over a store in memory."""

from collections.abc import AsyncIterator

import pytest
from tests.kit.clock import FakeClock
from tests.kit.users import TokenTable

from sekisho.api import About, Limits, create_app
from sekisho.store.ledger import Ledger
from sekisho.store.memory import MemoryStore
from sekisho.store.watches import HistoryLimits

from .harness import REVIEW, USERS, Api, Factory


@pytest.fixture
async def make_api() -> AsyncIterator[Factory]:
    """Makes APIs with other limits."""
    stores: list[MemoryStore] = []

    def make(
        limits: Limits = Limits(),  # noqa: B008 - a frozen value
        about: About = About(),  # noqa: B008 - a frozen value
        history: HistoryLimits = HistoryLimits(),  # noqa: B008 - a frozen value
    ) -> Api:
        clock = FakeClock()
        stores.append(MemoryStore(Ledger(limits=history, clock=clock)))
        tokens = TokenTable({f"{name}-token": user for name, user in USERS.items()})
        app = create_app(stores[-1], tokens, reviews=[REVIEW], limits=limits, clock=clock, about=about)
        return Api(app, stores[-1], clock)

    yield make
    for store in stores:
        await store.close()


@pytest.fixture
async def api(make_api: Factory) -> Api:
    """An API with the namespace `default`."""
    made = make_api()
    await made.app.start()
    return made
