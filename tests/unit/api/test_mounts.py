"""Applications below a path of their own: who is let in to them is the front door's to say."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send
from tests.kit.users import TokenTable

from sekisho.api import Application, Mount, User, create_app, user_of
from sekisho.store.memory import open_memory

ADA = User("ada", frozenset({"reader"}))
AS_ADA = {"Authorization": "Bearer ada"}


class Inside:
    """Says who calls, and remembers that it was stopped."""

    def __init__(self) -> None:
        self.is_stopped = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = JSONResponse({"name": user_of(Request(scope)).name})
        await answer(scope, receive, send)

    async def stop(self) -> None:
        self.is_stopped = True


@pytest.fixture
def inside() -> Inside:
    return Inside()


@pytest.fixture
async def app(inside: Inside) -> AsyncIterator[Application]:
    async with open_memory() as store:
        tokens = TokenTable({"ada": ADA})
        app = create_app(store, tokens, mounts=[Mount("/inside/v1", inside, inside.stop)])
        await app.start()
        yield app


async def get(app: Application, path: str, headers: dict[str, str]) -> httpx2.Response:
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="https://api.test") as client:
        return await client.get(path, headers=headers)


async def test_whoever_is_known_comes_in_and_is_named(app: Application) -> None:
    answer = await get(app, "/inside/v1/who", AS_ADA)
    assert (answer.status_code, answer.json()) == (200, {"name": "ada"})


@pytest.mark.parametrize(
    ("headers", "code"),
    [({}, 401), ({"Authorization": "Bearer eve"}, 401), ({**AS_ADA, "Origin": "https://evil.test"}, 403)],
)
async def test_others_stay_outside(app: Application, headers: dict[str, str], code: int) -> None:
    assert (await get(app, "/inside/v1/who", headers)).status_code == code


@pytest.mark.parametrize("path", ["/inside/v1", "/inside/v10/who", "/inside/who"])
async def test_what_is_not_below_its_path_is_not_its_own(app: Application, path: str) -> None:
    assert (await get(app, path, AS_ADA)).status_code == 404


async def test_it_is_stopped_with_the_server_and_lets_nobody_in_then(
    app: Application, inside: Inside
) -> None:
    await app.stop()
    assert inside.is_stopped
    assert (await get(app, "/inside/v1/who", AS_ADA)).status_code == 503
