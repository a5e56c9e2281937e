"""XBackends and XBackendTrafficPolicies through a real gateway: outside by name, by TLS or not at all."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.kit.echo import Echo, serving_echo
from tests.kit.http import Answer, fetch
from tests.kit.https_backend import https_backend
from tests.kit.objects import endpoint_slice, http_listener, manifest, route, service, tls_secret
from tests.kit.pki import TestAuthority
from tests.kit.ports import free_port
from tests.kit.system import Manifest, System, attempt, gateway, running_system

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

GROUP = "gateway.networking.x-k8s.io"
OUTSIDE = "localhost"
"""The one name that leads somewhere on every machine."""


class Shop:
    def __init__(self, system: System, port: int, tcp: int, echo: Echo, known: TestAuthority) -> None:
        """`known` is the one authority that the gateway's host believes."""
        self.system, self.port, self.tcp, self.echo, self.known = system, port, tcp, echo, known

    async def get(self, host: str, path: str = "/") -> Answer:
        return await fetch(self.port, host, path)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    port, tcp = free_port(), free_port()
    program = "tests.kit.names_lead_here"
    known = TestAuthority("known everywhere")
    authorities = tmp_path_factory.mktemp("host") / "authorities.pem"
    authorities.write_bytes(known.certificate)
    environment = {"SSL_CERT_FILE": str(authorities)}
    async with running_system(program=program, environment=environment) as system, AsyncExitStack() as stack:
        echo = await stack.enter_async_context(serving_echo("outside"))
        listeners = (http_listener(port=port), {"name": "tcp", "port": tcp, "protocol": "TCP"})
        await system.apply(
            gateway(*listeners), service("inside"), endpoint_slice("inside", "127.0.0.1", port=echo.port),
            backend("plain", echo.port), leading_to("plain", "plain.test"),
        )  # fmt: skip
        await system.answers(port, "plain.test")
        yield Shop(system, port, tcp, echo, known)


def backend(name: str, port: int, **spec: Any) -> Manifest:
    where = {"type": "ExternalHostname", "externalHostname": {"hostname": OUTSIDE}, "port": {"port": port}}
    return manifest("XBackend", name, spec={**where, **spec})


def leading_to(name: str, host: str, **rule: Any) -> Manifest:
    made = route(name, host, **rule)
    made["spec"]["rules"][0]["backendRefs"] = [{"group": GROUP, "kind": "XBackend", "name": name}]
    return made


def believing(name: str, *, hostname: str = OUTSIDE) -> Manifest:
    reference = {"group": "", "kind": "ConfigMap", "name": name}
    return {"hostname": hostname, "caCertificateRefs": [reference]}


def authority(name: str, believed: TestAuthority) -> Manifest:
    return manifest("ConfigMap", name, data={"ca.crt": believed.certificate.decode()})


async def test_it_is_asked_by_its_own_name_unless_the_route_names_another(shop: Shop) -> None:
    assert (await shop.get("plain.test", "/a?b")).json()["host"] == OUTSIDE
    rewriting = [{"type": "URLRewrite", "urlRewrite": {"hostname": "other.test"}}]
    await shop.system.apply(
        backend("named", shop.echo.port), leading_to("named", "named.test", filters=rewriting)
    )
    await shop.system.answers(shop.port, "named.test")
    assert (await shop.get("named.test")).json()["host"] == "other.test"


async def test_a_name_that_leads_to_this_host_is_not_called() -> None:
    """`localhost`, as it is looked at where nobody makes an exception for it."""
    port = free_port()
    async with running_system() as system, serving_echo("here") as echo:
        await system.apply(
            gateway(http_listener(port=port)), backend("here", echo.port), leading_to("here", "here.test")
        )
        await system.answers(port, "here.test", status=403)
        assert echo.callers == []


async def test_a_gateway_that_sends_there_is_told_in_its_status(shop: Shop) -> None:
    found = await shop.system.client.get("XBackend", "plain", "shop")
    (parent,) = found["status"]["parents"]
    assert parent["parentRef"]["name"] == "web"
    assert [(one["type"], one["status"]) for one in parent["conditions"]] == [("Accepted", "True")]


async def test_tls_is_spoken_to_who_can_be_believed_and_to_nobody_else(shop: Shop, tmp_path: Path) -> None:
    good, other = TestAuthority("good"), TestAuthority("other")
    async with https_backend(good.leaf(dns=[OUTSIDE]), tmp_path) as server:
        tls = {"mode": "ServerOnly", "validation": believing("authority")}
        await shop.system.apply(backend("tls", server.port, tls=tls), leading_to("tls", "tls.test"))
        await shop.system.answers(shop.port, "tls.test", status=503)
        assert server.names == [], "nobody is believed yet, so nobody is asked"
        await shop.system.apply(authority("authority", good))
        await shop.system.answers(shop.port, "tls.test")
        assert (server.names[-1], server.hosts[-1], server.protocols[-1]) == (OUTSIDE, OUTSIDE, "http/1.1")
        await shop.system.apply(authority("authority", other))
        await shop.system.answers(shop.port, "tls.test", status=503)


async def test_where_nobody_says_whom_to_believe_it_is_whom_the_host_believes(
    shop: Shop, tmp_path: Path
) -> None:
    async with (
        https_backend(shop.known.leaf(dns=[OUTSIDE]), tmp_path) as known,
        https_backend(TestAuthority("other").leaf(dns=[OUTSIDE]), tmp_path) as unknown,
        https_backend(shop.known.leaf(dns=["other.test"]), tmp_path) as misnamed,
    ):
        tls = {"mode": "ServerOnly"}
        for name, server in (("known", known), ("unknown", unknown), ("misnamed", misnamed)):
            await shop.system.apply(backend(name, server.port, tls=tls), leading_to(name, f"{name}.test"))
        await shop.system.answers(shop.port, "known.test")
        for name, server in (("unknown", unknown), ("misnamed", misnamed)):
            async with asyncio.timeout(60):
                while not server.names:
                    await shop.system.answers(shop.port, f"{name}.test", status=503)
            assert server.hosts == [], "it is asked who it is, and told nothing"


async def test_a_certificate_is_shown_where_the_backend_wants_one(shop: Shop, tmp_path: Path) -> None:
    server_side, callers = TestAuthority("server"), TestAuthority("callers")
    async with https_backend(server_side.leaf(dns=[OUTSIDE]), tmp_path, callers=callers) as server:
        tls = {
            "mode": "ClientAndServer",
            "clientCertificateRef": {"name": "me"},
            "validation": believing("of-server"),
        }
        await shop.system.apply(
            authority("of-server", server_side), backend("mutual", server.port, tls=tls),
            leading_to("mutual", "mutual.test"),
        )  # fmt: skip
        await shop.system.answers(shop.port, "mutual.test", status=503)
        assert server.names == []
        await shop.system.apply(tls_secret("me", callers.leaf(dns=["gateway.test"])))
        await shop.system.answers(shop.port, "mutual.test")
        assert server.shown[-1]


async def test_bytes_go_there_too_and_what_is_only_bytes_gets_no_requests(shop: Shop) -> None:
    spec: Manifest = {
        "parentRefs": [{"name": "web", "sectionName": "tcp"}],
        "rules": [{"backendRefs": [{"group": GROUP, "kind": "XBackend", "name": "bytes"}]}],
    }
    await shop.system.apply(
        backend("bytes", shop.echo.port, protocol="TCP"), manifest("TCPRoute", "bytes", spec=spec),
        leading_to("bytes", "bytes.test"),
    )  # fmt: skip
    await shop.system.answers(shop.tcp, "anything")
    assert (await fetch(shop.tcp, "anything")).json()["host"] == "anything"
    await shop.system.answers(shop.port, "bytes.test", status=500)
    spec["rules"][0]["backendRefs"].append({"name": "inside", "port": 80})
    await shop.system.apply(manifest("TCPRoute", "bytes", spec=spec))

    async def nobody_answers_for_it() -> bool:
        answers = [await attempt(shop.tcp, "anything") for _ in range(8)]
        return None in answers and all(one is None or one.json()["host"] == "anything" for one in answers)

    await shop.system.until(nobody_answers_for_it, "beside others its share of connections is closed")


async def test_retries_are_bounded_by_the_policy_of_a_backend(shop: Shop) -> None:
    retry = {"attempts": 1, "codes": [500], "backoff": "1ms"}
    await shop.system.apply(route("inside", "inside.test", backend="inside", retry=retry), budget(100))
    await shop.system.answers(shop.port, "inside.test")

    async def tried() -> tuple[int, Counter[int]]:
        """How many of eight requests were tried again, and what all are answered."""
        before = len(shop.echo.received)
        path = "/status/500?delay=0.2s"
        answers = await asyncio.gather(*(attempt(shop.port, "inside.test", path) for _ in range(8)))
        return len(shop.echo.received) - before - 8, Counter(one.status for one in answers if one)

    async def all_are_tried_again() -> bool:
        return await tried() == (8, {500: 8})

    async def few_are_tried_again() -> bool:
        again, answers = await tried()
        return again <= 4 and answers == {500: again, 503: 8 - again}

    await shop.system.until(all_are_tried_again, "a budget of everything lets all be tried again")
    await shop.system.apply(budget(0))
    await shop.system.until(few_are_tried_again, "one at a time is tried again, and the others get 503")


def budget(percent: int) -> Manifest:
    constraint = {
        "budget": {"percent": percent, "interval": "1s"},
        "minRetryRate": {"count": 1, "interval": "1s"},
    }
    target = {"group": "", "kind": "Service", "name": "inside"}
    return manifest(
        "XBackendTrafficPolicy", "inside", spec={"targetRefs": [target], "retryConstraint": constraint}
    )
