"""A gateway for the time of a test: a real Envoy with our configuration over ADS, and two echo backends."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from sekisho import envoy, ir
from sekisho.model.names import Origin, ResourceId
from tests.kit.ads import Ads, serving_ads
from tests.kit.echo import Echo, serving_echo
from tests.kit.envoy import Envoy, running_envoy
from tests.kit.http import Answer, fetch
from tests.kit.ports import free_port
from tests.kit.wait import eventually

ORIGIN = Origin(ResourceId("HTTPRoute", "shop", "test"))
TABLE = "8080"
BACKENDS = ("one", "two")


class Gateway:
    """One plain listener with the route table `TABLE`; clusters `one` and `two` lead to `echoes`."""

    def __init__(self, port: int, running: Envoy, ads: Ads, echoes: dict[str, Echo]) -> None:
        self.port = port
        self.envoy = running
        self.ads = ads
        self.echoes = echoes
        self._numbers = count()

    async def serve(self, *routes: ir.Route, host: str = "shop.test") -> None:
        """Returns when `host` is answered by these routes. A wildcard host replaces all other wildcards."""
        probe, path = self._probe()
        hosted = ir.VirtualHost(table=TABLE, hostname=host, routes=(probe, *routes))
        if "*" in host:
            await self.publish(ir.WildcardTable(table=TABLE, hosts=(hosted,)))
        else:
            await self.publish(hosted)
        await self._answers(host.replace("*", "any.one"), path)

    async def serve_wildcards(self, **hosts: tuple[ir.Route, ...]) -> None:
        """As `serve`, with several wildcard hosts at once."""
        probe, path = self._probe()
        table = tuple(
            ir.VirtualHost(table=TABLE, hostname=host, routes=(probe, *routes))
            for host, routes in hosts.items()
        )
        await self.publish(ir.WildcardTable(table=TABLE, hosts=table))
        for host in hosts:
            await self._answers(host.replace("*", "any.one"), path)

    def _probe(self) -> tuple[ir.Route, str]:
        path = f"/~ready/{next(self._numbers)}"
        return route(ir.Respond(status=204), path=ir.PathExact(path), name="ready"), path

    async def _answers(self, host: str, path: str) -> None:
        """Workers learn of new routes a moment after Envoy acknowledged them."""

        async def answers() -> bool:
            return (await self.get(path, host=host)).status == 204

        await eventually(answers, what=f"{host} answers")

    async def publish(self, scope: ir.VirtualHost | ir.WildcardTable) -> None:
        """Returns when Envoy has acknowledged it; fails when it refused."""
        refused = len(self.ads.nacks)
        self.ads.put(envoy.resource(envoy.scoped_route_configuration(scope)))
        await self.ads.settled()
        if len(self.ads.nacks) > refused:
            raise AssertionError(self.ads.nacks[-1])

    async def get(self, path: str = "/", *, host: str = "shop.test", **options: Any) -> Answer:
        return await fetch(self.port, host, path, **options)


def route(action: ir.Action, path: ir.PathMatch | None = None, **fields: Any) -> ir.Route:
    """A route for `path`, or for everything."""
    match = fields.pop("match", ir.RouteMatch())
    name = fields.pop("name", "test")
    return ir.Route(
        name=name, match=replace(match, path=path) if path else match, action=action, origin=ORIGIN, **fields
    )


def share(cluster: str | None = "one", weight: int = 1, **fields: Any) -> ir.Share:
    return ir.Share(cluster=cluster, weight=weight, origin=ORIGIN, **fields)


def forward(cluster: str | None = "one", **fields: Any) -> ir.Forward:
    return ir.Forward(shares=(share(cluster),), **fields)


def bootstrap(folder: Path, **options: Any) -> Any:
    """A Bootstrap whose sockets are in `folder`."""
    return envoy.bootstrap(
        node_id="test",
        xds_socket=str(folder / "xds.sock"),
        admin_socket=str(folder / "admin.sock"),
        **{"max_heap_bytes": 1 << 30, "max_connections": 1000} | options,
    )


def plain_listener(port: int, table: str = TABLE) -> ir.Listener:
    return ir.Listener(
        name=f"http/127.0.0.1/{port}",
        address="127.0.0.1",
        port=port,
        chains=(ir.Chain(table=table, origin=ORIGIN),),
        origin=ORIGIN,
    )


def backend(name: str, port: int, protocol: ir.Protocol = ir.Protocol.HTTP1) -> tuple[envoy.Resource, ...]:
    """A cluster with one endpoint on the loopback."""
    endpoints = (ir.Endpoint("127.0.0.1", port),)
    return (
        envoy.resource(envoy.cluster(ir.Cluster(name=name, protocol=protocol, origin=ORIGIN))),
        envoy.resource(
            envoy.cluster_load_assignment(ir.Endpoints(cluster=name, endpoints=endpoints, origin=ORIGIN))
        ),
    )


@asynccontextmanager
async def running_gateway(
    folder: Path, *listeners: ir.Listener, concurrency: int = 1, authorities: Path | None = None
) -> AsyncIterator[Gateway]:
    """Ready when Envoy listens. `listeners` are beside the plain one; `authorities` those of its host."""
    async with AsyncExitStack() as stack:
        ads, port = Ads(), free_port()
        echoes = {name: await stack.enter_async_context(serving_echo(name)) for name in BACKENDS}
        for name, echo in echoes.items():
            ads.put(*backend(name, echo.port))
        for each in (plain_listener(port), *listeners):
            ads.put(envoy.resource(envoy.listener(each)))
        await stack.enter_async_context(serving_ads(ads, folder / "xds.sock"))
        running = await stack.enter_async_context(
            running_envoy(
                bootstrap(folder, authorities=str(authorities or "")), folder, concurrency=concurrency
            )
        )
        await ads.settled()
        gateway = Gateway(port, running, ads, echoes)
        await eventually(_listens(gateway), what="the gateway listens")
        yield gateway


def _listens(gateway: Gateway) -> Any:
    async def listens() -> bool:
        try:
            return (await gateway.get(host="nobody.test")).status == 404
        except OSError:
            return False

    return listens
