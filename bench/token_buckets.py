"""Whether an edit of one hostname refills the token buckets of another, on a real Envoy with our scopes.

Sekisho has no rate limits yet, so they are added here to what it generates: a local_ratelimit filter to the
listener, and its per-route settings to a scope, as a policy would.
"""

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from tests.kit.envoy import running_envoy
from tests.kit.gateway import TABLE, bootstrap, plain_listener, route
from tests.kit.http import Answer, fetch
from tests.kit.ports import free_port
from tests.kit.wait import eventually

from sekisho import envoy, ir
from sekisho.protos import message, pack, unpack
from sekisho.xds.server import AdsServer
from sekisho.xds.types import SCOPED_ROUTES, Blob, Name
from sekisho.xds.view import View

TOKENS = 3
_FILTER = "envoy.filters.http.local_ratelimit"
_SETTINGS = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
_EDIT = "x-edit"


class Buckets:
    """A gateway whose hostnames have a bucket of TOKENS each, refilled after an hour."""

    def __init__(self, view: View, port: int) -> None:
        self._view = view
        self._port = port
        self._edits = 0

    async def edit(self, hostname: str, *unchanged: str) -> None:
        """Changes its route (adds it where there is none); returns when that is in effect.

        Wildcard hostnames of a table share a scope: `unchanged` are the others in it, in order after it.
        """
        self._edits += 1
        hosts = (_host(hostname, self._edits), *(_host(each, 0) for each in unchanged))
        scope = ir.WildcardTable(table=TABLE, hosts=hosts) if "*" in hostname else hosts[0]
        self._publish(_limited(envoy.scoped_route_configuration(scope)))
        await eventually(lambda: self._shows(hostname, str(self._edits)), what=f"{hostname} is edited")

    async def remove(self, hostname: str) -> None:
        """Returns when it is gone."""
        self._view.commit({Name(SCOPED_ROUTES, f"{TABLE}|{hostname}"): None})
        await eventually(lambda: self._gone(hostname), what=f"{hostname} is gone")

    async def exhaust(self, hostname: str) -> None:
        """Takes all tokens; returns when it is refused."""
        for _ in range(TOKENS):
            await self.refused(hostname)
        assert await self.refused(hostname), "the rate limit does not work"

    async def refused(self, hostname: str) -> bool:
        """Whether its bucket is empty; takes a token when not."""
        return (await self._get(hostname)).status == 429

    async def listens(self) -> bool:
        try:
            await self._get("nobody.test")
        except OSError:
            return False
        return True

    async def _get(self, hostname: str, path: str = "/") -> Answer:
        return await fetch(self._port, hostname.replace("*", "any"), path)

    async def _shows(self, hostname: str, edit: str) -> bool:
        return (await self._get(hostname, "/edit")).header(_EDIT) == edit

    async def _gone(self, hostname: str) -> bool:
        return (await self._get(hostname, "/edit")).status == 404

    def _publish(self, made: Any) -> None:
        one = envoy.resource(made)
        self._view.commit({Name(one.type_url, one.name): Blob(one.version, one.body)})

    def listen(self) -> None:
        """Publishes the listener."""
        self._publish(_with_filter(envoy.listener(plain_listener(self._port))))


def _host(hostname: str, edit: int) -> ir.VirtualHost:
    """`/edit` tells which edit is in effect, and has no bucket; everything else has one."""
    shown = ir.HeaderEdits(set=((_EDIT, str(edit)),))
    routes = (
        route(ir.Respond(status=200), path=ir.PathExact("/edit"), name="edit", response_headers=shown),
        route(ir.Respond(status=200), name="limited"),
    )
    return ir.VirtualHost(table=TABLE, hostname=hostname, routes=routes)


def _limited(scope: Any) -> Any:
    """The scope with a bucket on each route called `limited`."""
    settings = message(_SETTINGS)(
        stat_prefix="limited",
        token_bucket={
            "max_tokens": TOKENS,
            "tokens_per_fill": {"value": TOKENS},
            "fill_interval": {"seconds": 3600},
        },
        filter_enabled={"default_value": {"numerator": 100}},
        filter_enforced={"default_value": {"numerator": 100}},
    )
    for host in scope.route_configuration.virtual_hosts:
        for each in host.routes:
            if each.name == "limited":
                each.typed_per_filter_config[_FILTER].CopyFrom(pack(settings))
    return scope


def _with_filter(listener: Any) -> Any:
    """The listener with a filter that limits nothing but where a route says so, before the router."""
    configured = listener.filter_chains[0].filters[-1].typed_config
    manager = unpack(configured)
    entry = manager.http_filters.add(name=_FILTER)
    entry.typed_config.CopyFrom(pack(message(_SETTINGS)(stat_prefix="limited")))
    *before, router, limit = manager.http_filters
    del manager.http_filters[:]
    manager.http_filters.extend([*before, limit, router])
    configured.CopyFrom(pack(manager))
    return listener


@asynccontextmanager
async def running_buckets() -> AsyncIterator[Buckets]:
    """An Envoy that serves what our xDS server tells it."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sekisho-bench-")))
        view = View("bench")
        buckets = Buckets(view, free_port())
        buckets.listen()
        server = AdsServer(lambda peer, node: [view])
        await server.listen_unix(folder / "xds.sock")
        stack.push_async_callback(server.drain, 0.1)
        await stack.enter_async_context(running_envoy(bootstrap(folder), folder, wait_until_ready=False))
        await eventually(buckets.listens, what="Envoy listens", within=20)
        yield buckets
