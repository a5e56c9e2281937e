"""A global control plane and zones in one process: stores, and mTLS over loopback between them."""

import asyncio
import itertools
import json
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from sekisho.aio.clock import SystemClock
from sekisho.aio.tasks import background
from sekisho.api.authentication import CERTIFICATE
from sekisho.api.server import ServerSettings, serve
from sekisho.federation.client import ZoneLink
from sekisho.federation.endpoints import Endpoints
from sekisho.federation.server import Federation
from sekisho.model.document import check
from sekisho.model.names import ResourceId
from sekisho.store.protocol import NotFound, Store, Write
from tests.kit.objects import manifest
from tests.kit.pki import TestAuthority
from tests.kit.wait import eventually

IDENTITY = "spiffe://control-plane.global.sekisho.local/zone/"
_numbers = itertools.count(1)


def name() -> str:
    """Another one each time, also over several runs in one process."""
    return f"n{next(_numbers)}"


async def caller(request: Request) -> str:
    """The zone in a client's certificate."""
    certificate = request.scope["extensions"].get(CERTIFICATE)
    if certificate is None:
        return ""
    names = x509.load_der_x509_certificate(certificate).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    (uri,) = names.value.get_values_for_type(x509.UniformResourceIdentifier)
    return uri.removeprefix(IDENTITY)


class _App:
    """What the API server expects of an application."""

    def __init__(self, federation: Federation) -> None:
        self._federation = federation
        self._endpoints: Callable[[Scope, Receive, Send], Awaitable[None]] = Endpoints(
            federation, caller, SystemClock()
        )

    async def start(self) -> None: ...

    async def stop(self) -> None:
        await self._federation.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._endpoints(scope, receive, send)


@dataclass
class Site:
    """Certificates of everybody, and where global listens once it has."""

    folder: Path
    authority: TestAuthority
    port: int = 0

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def context(self, zone: str) -> ssl.SSLContext:
        """A zone's side of TLS; empty for somebody without certificate."""
        context = ssl.create_default_context(cadata=self.authority.certificate.decode())
        if zone:
            certificate, key = self.folder / f"{zone}.pem", self.folder / f"{zone}.key"
            if not key.exists():
                self.authority.leaf(uris=[IDENTITY + zone]).write(self.folder, zone)
            context.load_cert_chain(certificate, key)
        return context


def site(folder: Path) -> Site:
    authority = TestAuthority()
    authority.leaf(dns=["localhost"]).write(folder, "global")
    return Site(folder, authority)


@asynccontextmanager
async def global_plane(site: Site, store: Store) -> AsyncIterator[Federation]:
    """Serves until the end of the block; again at the same port when it is entered again."""
    federation = Federation(store, SystemClock(), name)
    settings = ServerSettings(
        certificate=site.folder / "global.pem", key=site.folder / "global.key", port=site.port,
        clients=site.authority.certificate.decode(), stop_seconds=2,
    )  # fmt: skip
    served: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = serve(_App(federation), settings, started=served.set_result)
    async with background(federation.run(), name="federation"), background(serving, name="global"):
        site.port = await served
        yield federation


def link(site: Site, zone: str, store: Store) -> ZoneLink:
    return ZoneLink(
        site.url, lambda: site.context(zone), store, zone, SystemClock(), name=name, random=random.random
    )


@asynccontextmanager
async def joined(site: Site, zone: str, store: Store) -> AsyncIterator[ZoneLink]:
    """A zone's link, until the end of the block."""
    linked = link(site, zone, store)
    async with background(linked.run(), name=f"link of {zone}"):
        yield linked


async def connected(linked: ZoneLink) -> None:
    async def is_it() -> bool:
        return linked.state.connected and bool(linked.state.held.token) and bool(linked.state.acknowledged)

    await eventually(is_it, what="the link is connected and has said all")


async def put(store: Store, document: dict[str, Any]) -> None:
    """As a control plane or a user writes it."""
    object_ = check(document["kind"], document).object
    id = id_of(object_)
    (written,) = await store.write([Write("update", id, object_)])
    if isinstance(written, NotFound):
        (written,) = await store.write([Write("create", id, object_)])
    assert not isinstance(written, Exception), written


async def drop(store: Store, *ids: str) -> None:
    for written in await store.write([Write("delete", ResourceId.parse(id)) for id in ids]):
        assert not isinstance(written, Exception), written


async def bodies(store: Store, *kinds: str) -> dict[str, dict[str, Any]]:
    """The stored resources of some kinds: id → object."""
    listing = await store.list(kinds)
    return {str(record.id): json.loads(record.body) for record in listing.records}


async def has(store: Store, id: str) -> None:
    """Waits until a store has what is called so: `Kind/namespace/name`."""

    async def found() -> bool:
        return id in await bodies(store, id.partition("/")[0])

    await eventually(found, what=f"{id} came")


async def lacks(store: Store, id: str) -> None:
    """Waits until it has it no more."""

    async def missing() -> bool:
        return id not in await bodies(store, id.partition("/")[0])

    await eventually(missing, what=f"{id} went")


def id_of(document: dict[str, Any]) -> ResourceId:
    metadata = document["metadata"]
    return ResourceId(document["kind"], metadata.get("namespace", ""), metadata["name"])


def zone(name: str, *, enabled: bool = True) -> dict[str, Any]:
    return manifest("Zone", name, spec={"enabled": enabled})


def of_zone(zone: str) -> dict[str, str]:
    return {"sekisho.dev/origin": "zone", "sekisho.dev/zone": zone}


def zone_service(service: str, zone: str, instances: int = 1, namespace: str = "shop") -> dict[str, Any]:
    spec = {
        "zone": zone,
        "mesh": "default",
        "service": service,
        "ports": [{"port": 80, "protocol": "http", "inspected": True, "instances": instances}],
        "identities": [f"spiffe://default.{zone}.mesh.local/ns/{namespace}/sa/{service}"],
    }
    labels = {"app": service, **of_zone(zone)}
    return manifest("ZoneService", f"{service}.{zone}", namespace, labels=labels, spec=spec)


def timeout(name: str, to: dict[str, Any] | None = None, namespace: str = "shop", seconds: int = 1) -> Any:
    destination = to or {"kind": "Mesh"}
    entry = {"targetRef": destination, "default": {"idleTimeout": f"{seconds}s"}}
    return manifest("Timeout", name, namespace, spec={"to": [entry]})
