"""Two proxies on one host: a port that is taken is refused by name, and nothing else suffers."""

import asyncio
from pathlib import Path

import pytest
from tests.kit.gateway import plain_listener, running_gateway
from tests.kit.http import fetch
from tests.kit.ports import free_port
from tests.kit.wait import eventually

from sekisho import envoy

pytestmark = pytest.mark.live


async def test_a_port_of_another_envoy_is_refused_and_the_other_listeners_serve(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    async with running_gateway(tmp_path / "first") as first, running_gateway(tmp_path / "second") as second:
        free = free_port()
        taken = plain_listener(first.port)
        second.ads.put(*(envoy.resource(envoy.listener(each)) for each in (taken, plain_listener(free))))
        await second.ads.settled()
        ((type_url, reason),) = second.ads.nacks
        assert type_url.endswith("Listener")
        assert taken.name in reason
        assert "Address already in use" in reason

        async def serves() -> bool:
            return (await fetch(free, "nobody.test")).status == 404

        await eventually(serves, what="the free port serves")
        assert (await second.get(host="nobody.test")).status == 404


async def test_connections_are_dealt_out_evenly_to_the_workers(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, concurrency=2) as gateway:
        streams = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(20)]

        async def evenly() -> bool:
            stats = (await gateway.envoy.admin("/stats?filter=worker_.*downstream_cx_active")).body.decode()
            return stats.count(": 10\n") == 2

        await eventually(evenly, what="each of two workers has ten of twenty connections")
        for _, writer in streams:
            writer.close()
