"""A zone that somebody took over: with its certificate, what is others' is neither changed nor read."""

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import msgspec
import pytest
import pytest_asyncio
from tests.kit.federated import CONTROL_PLANE, Federated, running_federation
from tests.kit.federation import of_zone, zone_service
from tests.kit.objects import manifest
from tests.kit.pki import TestAuthority

from sekisho.app.identities.serving import SERVER_NAME
from sekisho.client.reviews import PLURALS
from sekisho.federation.link import Link, LinkFailed
from sekisho.federation.messages import Batch, Upload
from sekisho.model.names import ResourceId

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module")]

_REVIEWS = "/apis/sekisho.dev/v1alpha1"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def federated() -> AsyncIterator[Federated]:
    """Global has something of azure, and a Secret; gcp's control plane is gone, its certificate is not."""
    async with running_federation("azure", "gcp") as running:
        await running.hub.apply(
            manifest("Namespace", "shop"), manifest("Secret", "key", stringData={"password": "hunter2"})
        )
        await running.zones["gcp"].stop(CONTROL_PLANE)
        yield running


def context(federated: Federated, chain: str, key: str) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=federated.folder / "hub" / "authority" / "root.crt")
    for name, text in (("chain", chain), ("key", key)):
        (federated.folder / name).write_text(text)
    made.load_cert_chain(federated.folder / "chain", federated.folder / "key")
    return made


def as_gcp(federated: Federated) -> ssl.SSLContext:
    stored = json.loads((federated.zones["gcp"].folder / "zone.json").read_text())
    return context(federated, stored["chain"], stored["key"])


@asynccontextmanager
async def linked(federated: Federated, by: ssl.SSLContext) -> AsyncIterator[Link]:
    link = Link(f"https://127.0.0.1:{federated.hub.api}", by, SERVER_NAME)
    try:
        yield link
    finally:
        await link.close()


async def asked(federated: Federated, method: str, path: str, body: Any = None) -> httpx2.Response:
    """By gcp, of the API of the global control plane."""
    async with httpx2.AsyncClient(verify=as_gcp(federated), trust_env=False) as client:
        url = f"https://127.0.0.1:{federated.hub.api}{path}"
        return await client.request(method, url, json=body, extensions={"sni_hostname": SERVER_NAME})


async def test_what_is_another_zone_s_is_refused_and_written_down(federated: Federated) -> None:
    stolen = zone_service("stolen", "azure")
    in_disguise = zone_service("disguised", "gcp")
    in_disguise["metadata"]["labels"] |= of_zone("azure")
    for_another = zone_service("other", "gcp")
    for_another["spec"]["zone"] = "azure"
    trust = manifest(
        "MeshTrust", "default.gcp", "sekisho-system", labels=of_zone("gcp"),
        spec={"trustDomain": "default.azure.mesh.local", "bundles": [bundle()]},
    )  # fmt: skip
    secret = manifest("Secret", "mine.gcp", labels=of_zone("gcp"))
    told = (stolen, in_disguise, for_another, trust, secret, zone_service("honest", "gcp"))
    puts = tuple(msgspec.Raw(msgspec.json.encode(one)) for one in told)
    async with linked(federated, as_gcp(federated)) as link:
        held = await link.held()
        batch = Batch(puts=puts, gone=(ResourceId("Secret", "shop", "key"),), token="e.1")
        answer = await link.up(Upload(batch=batch, session=held.session, after=held.token))
    refused = {str(one.id) for one in answer.refused}
    assert refused == {
        "ZoneService/shop/stolen.azure", "ZoneService/shop/disguised.gcp", "ZoneService/shop/other.gcp",
        "MeshTrust/sekisho-system/default.gcp", "Secret/shop/mine.gcp",
    }  # fmt: skip
    assert {line["resource"] for line in federated.told("hub", "refused of a zone")} >= refused
    client = federated.hub.client
    names = {one["metadata"]["name"] for one in (await client.list("ZoneService")).items}
    assert "honest.gcp" in names
    assert not names & {"stolen.azure", "disguised.gcp", "other.gcp"}
    assert await client.get("Secret", "key", "shop"), "others' things are not deleted either"


def bundle() -> dict[str, Any]:
    return {"type": "Pem", "pem": {"value": TestAuthority().certificate.decode()}}


async def test_secrets_are_not_told(federated: Federated) -> None:
    async with (
        linked(federated, as_gcp(federated)) as link,
        link.down("", listing=True) as batches,
    ):
        documents = []
        async for batch in batches:
            documents += [json.loads(bytes(one)) for one in batch.puts]
            if batch.listing == "end":
                break
    assert documents
    assert "Secret" not in {one["kind"] for one in documents}
    assert "hunter2" not in json.dumps(documents)


def review(kind: str, **spec: str) -> dict[str, Any]:
    return {"kind": kind, "apiVersion": "sekisho.dev/v1alpha1", "spec": spec}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/v1/namespaces/shop/secrets/key", None),
        ("GET", "/api/v1/secrets", None),
        ("GET", "/apis/sekisho.dev/v1alpha1/zones", None),
        ("DELETE", "/apis/sekisho.dev/v1alpha1/zones/azure", None),
        (
            "POST", f"{_REVIEWS}/{PLURALS['ConfigDump']}",
            review("ConfigDump", zone="azure"),
        ),
        (
            "POST", f"{_REVIEWS}/{PLURALS['TokenReview']}",
            review("TokenReview", action="create", role="admin"),
        ),
    ],
)  # fmt: skip
async def test_a_zone_may_ask_nothing_of_the_api(
    federated: Federated, method: str, path: str, body: Any
) -> None:
    answer = await asked(federated, method, path, body)
    assert answer.status_code == 403, answer.text
    assert "hunter2" not in answer.text
    assert any(
        line.get("path") == path and line.get("user") == "zone/gcp"
        for line in federated.told("hub", "refused")
    )


async def test_a_certificate_of_another_authority_is_nobody_s(federated: Federated) -> None:
    leaf = TestAuthority().leaf(uris=["spiffe://control-plane.global.sekisho.local/zone/gcp"])
    by = context(federated, leaf.certificate.decode(), leaf.key.decode())
    async with linked(federated, by) as link:
        with pytest.raises(LinkFailed):
            await link.held()
