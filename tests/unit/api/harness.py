"""An API over a store in memory, called in process."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import httpx2
from tests.kit.clock import FakeClock

from sekisho.aio.tasks import background
from sekisho.api import Application, Review, User
from sekisho.store.memory import MemoryStore

USERS = {role: User(role, frozenset({role})) for role in ("admin", "agent", "reader", "join")} | {
    "nobody": User("nobody", frozenset({"unheard-of"})),
    "proxy": User("workload/default/cart-1", frozenset({"proxy"}), ("workload/default/cart-1",)),
}
ROUTES = "/apis/gateway.networking.k8s.io/v1/namespaces/default/httproutes"
SERVICES = "/api/v1/namespaces/default/services"


def route(name: str = "cart", **metadata: Any) -> dict[str, Any]:
    """A valid HTTPRoute."""
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name, **metadata},
        "spec": {
            "parentRefs": [{"name": "gw"}],
            "hostnames": ["shop.example.com"],
            "rules": [{"backendRefs": [{"name": "cart", "port": 80}]}],
        },
    }


def service(name: str = "cart", **spec: Any) -> dict[str, Any]:
    """A valid Service."""
    ports = [{"name": "http", "port": 80}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"ports": ports, **spec},
    }


def config_map(name: str = "settings", **metadata: Any) -> dict[str, Any]:
    """A valid ConfigMap."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, **metadata},
        "data": {"a": "1"},
    }


async def whoami(user: User, asked: dict[str, Any]) -> dict[str, Any]:
    """The handler of the review that tests ask."""
    return {"spec": asked.get("spec"), "status": {"user": user.name}}


REVIEW = Review(
    kind="CertificateRequest", plural="certificaterequests", roles=frozenset({"agent"}), handler=whoami
)


@dataclass
class Api:
    """The API under test."""

    app: Application
    store: MemoryStore
    clock: FakeClock

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        user: str = "admin",
        content_type: str = "application/json",
        **headers: str,
    ) -> httpx2.Response:
        """One request; `body` becomes JSON unless it is bytes, underscores in header names become dashes."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {"content-type": content_type, "authorization": f"Bearer {user}-token"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        transport = httpx2.ASGITransport(app=self.app)
        async with httpx2.AsyncClient(transport=transport, base_url="https://api.test") as client:
            return await client.request(method, path, content=content, headers=sent)

    async def ok(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """The JSON of an answer that must be a success."""
        answer = await self.call(method, path, body, **more)
        assert answer.is_success, answer.text
        return answer.json()

    async def refused(self, code: int, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """The Status of an answer that must have this code."""
        answer = await self.call(method, path, body, **more)
        assert answer.status_code == code, answer.text
        status = answer.json()
        assert (status["kind"], status["status"], status["code"]) == ("Status", "Failure", code)
        return status

    def watch(self, path: str, *, user: str = "admin", accept: str = "application/json") -> "Stream":
        """A watch; enter it to begin."""
        return Stream(self.app, path, user, accept)


class Stream:
    """A watch driven without a socket, so that the test sees every chunk when it is sent."""

    def __init__(self, app: Application, path: str, user: str, accept: str) -> None:
        self._app = app
        self._path, _, self._query = path.partition("?")
        self._headers = [
            (b"host", b"api.test"),
            (b"authorization", f"Bearer {user}-token".encode()),
            (b"accept", accept.encode()),
        ]
        self._lines: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._hang_up = asyncio.Event()
        self.status = 0
        self._rest = b""

    async def __aenter__(self) -> Self:
        self._background = background(self._run(), name="watch under test")
        await self._background.__aenter__()
        return self

    async def __aexit__(self, *details: object) -> None:
        self._hang_up.set()
        await self._background.__aexit__(*details)

    def hang_up(self) -> None:
        """The client goes away."""
        self._hang_up.set()

    async def next(self) -> dict[str, Any] | None:
        """The next event; None at the end of the stream."""
        async with asyncio.timeout(60):
            return await self._lines.get()

    async def told(self) -> tuple[str, str]:
        """Type and name of the next event."""
        event = await self.next()
        assert event is not None
        return event["type"], event["object"]["metadata"]["name"]

    async def _run(self) -> None:
        scope = {
            "type": "http",
            "method": "GET",
            "path": self._path,
            "raw_path": self._path.encode(),
            "query_string": self._query.encode(),
            "headers": self._headers,
            "scheme": "https",
            "server": ("api.test", 443),
        }
        await self._app(scope, self._receive, self._send)
        await self._lines.put(None)

    async def _receive(self) -> dict[str, Any]:
        await self._hang_up.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        *lines, self._rest = (self._rest + message.get("body", b"")).split(b"\n")
        for line in lines:
            await self._lines.put(json.loads(line))
        if self.status != 200 and self._rest:
            await self._lines.put(json.loads(self._rest))
            self._rest = b""


Factory = Callable[..., Api]
