"""Whom a proxy believes outside, where nobody names authorities: those of its host, and never everybody."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Literal

import pytest
import pytest_asyncio
from tests.kit.gateway import ORIGIN, Gateway, forward, route, running_gateway
from tests.kit.https_backend import https_backend
from tests.kit.pki import TestAuthority

from sekisho import envoy, ir

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

NAME = "bank.test"


HOST = "authorities-of-the-host.pem"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ports(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, int]]:
    """Of servers, by what is wrong with them."""
    known, other = TestAuthority("known everywhere"), TestAuthority("other")
    leaves = {
        "nothing": known.leaf(dns=[NAME]),
        "its name": known.leaf(dns=["other.test"]),
        "its authority": other.leaf(dns=[NAME]),
    }
    async with AsyncExitStack() as stack:
        found = {}
        for wrong, leaf in leaves.items():
            folder = tmp_path_factory.mktemp("server")
            found[wrong] = (await stack.enter_async_context(https_backend(leaf, folder))).port
        (tmp_path_factory.getbasetemp() / HOST).write_bytes(known.certificate)
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(ports: dict[str, int], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    believed = tmp_path_factory.getbasetemp() / HOST
    async with running_gateway(tmp_path_factory.mktemp("e"), authorities=believed) as found:
        yield found


@pytest.mark.parametrize(
    ("verify", "served"),
    [
        ("all", {"nothing"}),
        ("no-names", {"nothing", "its name"}),
        ("no-authority", {"nothing", "its name", "its authority"}),
        ("nothing", {"nothing", "its name", "its authority"}),
    ],
)
async def test_a_server_is_believed_as_far_as_was_asked(
    gateway: Gateway,
    ports: dict[str, int],
    verify: Literal["all", "no-names", "no-authority", "nothing"],
    served: set[str],
) -> None:
    for number, port in enumerate(ports.values()):
        name = f"{verify}-{number}"
        tls = ir.ServerTls(server_name=NAME, verify=verify)
        endpoints = (ir.Endpoint("127.0.0.1", port),)
        gateway.ads.put(
            envoy.resource(envoy.cluster(ir.Cluster(name=name, transport=tls, origin=ORIGIN))),
            envoy.resource(
                envoy.cluster_load_assignment(ir.Endpoints(cluster=name, endpoints=endpoints, origin=ORIGIN))
            ),
        )
    routes = [
        route(forward(f"{verify}-{number}"), path=ir.PathExact(f"/{number}")) for number in range(len(ports))
    ]
    await gateway.serve(*routes, host=f"{verify}.test")
    answers = {
        wrong: (await gateway.get(f"/{number}", host=f"{verify}.test")).status
        for number, wrong in enumerate(ports)
    }
    assert answers == {wrong: 200 if wrong in served else 503 for wrong in ports}
    assert gateway.ads.nacks == []
