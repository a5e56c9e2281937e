"""A real Envoy on our ADS: first configuration, order, isolation of what it refuses, reconnect."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from tests.kit.envoy import Envoy, running_envoy
from tests.kit.http import fetch
from tests.kit.ports import free_port
from tests.kit.system import PATIENCE
from tests.kit.wait import eventually

from sekisho.kit.digest import digest
from sekisho.protos import descriptor_pool, message
from sekisho.xds.observer import Observer
from sekisho.xds.server import AdsServer
from sekisho.xds.types import CLUSTER, ENDPOINTS, LISTENER, PREFIX, SCOPED_ROUTES, Blob, Name
from sekisho.xds.view import View

pytestmark = pytest.mark.live

ADS = {"ads": {}, "resource_api_version": "V3"}
HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def parsed(type_name: str, content: dict[str, Any]) -> Any:
    return ParseDict(content, message(type_name)(), descriptor_pool=descriptor_pool())


def blob(type_url: str, content: dict[str, Any]) -> Blob:
    body = parsed(type_url.removeprefix(PREFIX), content).SerializeToString(deterministic=True)
    return Blob(digest(body), body)


def bootstrap(folder: Path) -> Any:
    keepalive = {"connection_keepalive": {"interval": "10s", "timeout": "5s"}}
    return parsed(
        "envoy.config.bootstrap.v3.Bootstrap",
        {
            "admin": {"address": {"pipe": {"path": str(folder / "admin.sock"), "mode": 0o600}}},
            "node": {"id": "envoy", "cluster": "test"},
            "dynamic_resources": {
                "ads_config": {
                    "api_type": "DELTA_GRPC",
                    "transport_api_version": "V3",
                    "set_node_on_first_message_only": True,
                    "grpc_services": [{"envoy_grpc": {"cluster_name": "xds"}}],
                },
                "lds_config": ADS,
                "cds_config": ADS,
            },
            "static_resources": {
                "clusters": [
                    {
                        "name": "xds",
                        "type": "STATIC",
                        "connect_timeout": "1s",
                        "typed_extension_protocol_options": {
                            HTTP: {
                                "@type": PREFIX + HTTP,
                                "explicit_http_config": {"http2_protocol_options": keepalive},
                            }
                        },
                        "load_assignment": endpoints_of("xds", {"pipe": {"path": str(folder / "ads.sock")}}),
                    }
                ]
            },
        },
    )


def endpoints_of(cluster: str, address: dict[str, Any]) -> dict[str, Any]:
    return {"cluster_name": cluster, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}]}


def cluster(name: str) -> dict[Name, Blob | None]:
    eds = {"name": name, "type": "EDS", "connect_timeout": "1s", "eds_cluster_config": {"eds_config": ADS}}
    nowhere = {"socket_address": {"address": "127.0.0.1", "port_value": 1}}
    return {
        Name(CLUSTER, name): blob(CLUSTER, eds),
        Name(ENDPOINTS, name): blob(ENDPOINTS, endpoints_of(name, nowhere)),
    }


def scope(host: str, body: str, regex: str = "/.*") -> dict[Name, Blob | None]:
    answer = {
        "match": {"safe_regex": {"regex": regex}},
        "direct_response": {"status": 200, "body": {"inline_string": body}},
    }
    routes = {"name": host, "virtual_hosts": [{"name": host, "domains": ["*"], "routes": [answer]}]}
    key = {"fragments": [{"string_key": host}]}
    return {
        Name(SCOPED_ROUTES, host): blob(
            SCOPED_ROUTES, {"name": host, "key": key, "route_configuration": routes}
        )
    }


def listener(name: str, port: int) -> dict[Name, Blob | None]:
    manager = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    router = {
        "name": "r",
        "typed_config": {"@type": PREFIX + "envoy.extensions.filters.http.router.v3.Router"},
    }
    by_host = {"fragments": [{"header_value_extractor": {"name": ":authority", "index": 0}}]}
    scoped = {
        "name": "s",
        "scope_key_builder": by_host,
        "rds_config_source": ADS,
        "scoped_rds": {"scoped_rds_config_source": ADS},
    }
    config = {
        "@type": PREFIX + manager,
        "stat_prefix": "i",
        "scoped_routes": scoped,
        "http_filters": [router],
    }
    filters = [{"filters": [{"name": "hcm", "typed_config": config}]}]
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    return {
        Name(LISTENER, name): blob(LISTENER, {"name": name, "address": address, "filter_chains": filters})
    }


class Diary(Observer):
    """What Envoy took and refused."""

    def __init__(self) -> None:
        self.seq = 0
        self.rejections: dict[str, str] = {}
        self.sent_resources: list[tuple[str, int]] = []

    def synced(self, proxy: str, view: View, seq: int) -> None:
        self.seq = seq

    def sent(self, proxy: str, type_url: str, resources: int, octets: int) -> None:
        self.sent_resources.append((type_url, resources))

    def rejected(self, proxy: str, name: Name, version: str, message: str) -> None:
        self.rejections[name.name] = message

    def accepted(self, proxy: str, *names: Name) -> None:
        for name in names:
            self.rejections.pop(name.name, None)


class World:
    """A view, the server that publishes it, and an Envoy that follows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.view, self.diary, self.port = View("gateway"), Diary(), free_port()
        self.server = self._server()

    def _server(self) -> AdsServer:
        return AdsServer(lambda _peer, _node: [self.view], self.diary)

    async def listen(self) -> None:
        await self.server.listen_unix(self.folder / "ads.sock")

    async def restart(self) -> None:
        await self.server.drain(1)
        self.server = self._server()
        await self.listen()

    async def publish(self, *changes: dict[Name, Blob | None]) -> None:
        """A commit; waits until Envoy answered all of it."""
        seq = self.view.commit({name: made for each in changes for name, made in each.items()})

        async def synced() -> bool:
            return self.diary.seq >= seq

        await eventually(synced, what=f"Envoy has commit {seq}")

    async def get(self, host: str) -> tuple[int, str]:
        answer = await fetch(self.port, host)
        return answer.status, answer.body.decode()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.listen()
    try:
        yield made
    finally:
        await made.server.drain(1)


async def test_envoy_follows_order_isolation_and_reconnect(world: World, tmp_path: Path) -> None:
    hosts = [f"h{index}.test" for index in range(100)]
    world.view.commit(
        cluster("a")
        | listener("l", world.port)
        | {k: v for host in hosts for k, v in scope(host, "one").items()}
    )
    async with running_envoy(bootstrap(tmp_path), tmp_path) as envoy:
        await world.publish(scope("h0.test", "two"))
        assert await world.get("h0.test") == (200, "two")
        assert await world.get("h99.test") == (200, "one")
        await check_isolation(world)
        await check_clusters(world, envoy)
        await check_reconnect(world)


async def check_isolation(world: World) -> None:
    """One bad scope among good ones of the same commit: the good ones serve, the last good one stays."""
    bad = scope("h1.test", "bad", regex="(")
    await world.publish(scope("h2.test", "new"), bad, scope("h3.test", "new"), scope("h4.test", "new"))
    assert [await world.get(f"h{index}.test") for index in (2, 3, 4)] == [(200, "new")] * 3
    assert await world.get("h1.test") == (200, "one")
    assert set(world.diary.rejections) == {"h1.test"}
    assert "missing )" in world.diary.rejections["h1.test"]
    await world.publish(scope("h1.test", "mended"))
    assert await world.get("h1.test") == (200, "mended")
    assert world.diary.rejections == {}


async def check_clusters(world: World, envoy: Envoy) -> None:
    """A bad cluster does not stop a good one, nor the routes of the same commit."""
    # Not any mistake will do: one found only when the cluster is warm leaves Envoy's CDS paused for good.
    content = {"name": "broken", "type": "EDS"}
    broken: dict[Name, Blob | None] = {Name(CLUSTER, "broken"): blob(CLUSTER, content)}
    await world.publish(cluster("b") | broken | scope("h5.test", "after b"))
    assert await world.get("h5.test") == (200, "after b")
    assert set(world.diary.rejections) == {"broken"}
    stats = (await envoy.admin("/clusters?format=json")).body
    assert b'"b"' in stats
    await world.publish(dict.fromkeys({**cluster("b"), **broken}))
    assert b'"b"' not in (await envoy.admin("/clusters?format=json")).body


async def check_reconnect(world: World) -> None:
    """A control plane that comes back sends what changed meanwhile, and nothing else."""
    world.diary.sent_resources.clear()
    world.diary.seq = 0
    await world.restart()
    await world.publish(scope("h6.test", "after the break"))
    async with asyncio.timeout(PATIENCE):
        while await world.get("h6.test") != (200, "after the break"):
            await asyncio.sleep(0.01)
    assert sum(resources for _, resources in world.diary.sent_resources) == 1
