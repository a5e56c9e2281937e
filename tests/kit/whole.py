"""A whole control plane in this process, over real sockets, to be asked as agent and as administrator."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sekisho.aio.clock import SystemClock
from sekisho.aio.tasks import background
from sekisho.app.control_plane import Parts, build, run
from sekisho.app.identities.serving import SERVER_NAME
from sekisho.app.settings import Address, ControlPlane
from sekisho.app.zones.place import ALONE, Place
from sekisho.client import Client
from sekisho.client.credentials import TokenAnswer, TokenSpec
from sekisho.client.kubeconfig import Access, read
from sekisho.client.reviews import ask
from sekisho.identity.files import private_directory
from sekisho.identity.keys import Credentials, Issued, new_key, signing_request
from sekisho.identity.secret import Secret
from sekisho.xds.types import CLUSTER
from tests.kit.ads_client import AdsStream, mutual_tls
from tests.kit.objects import id_of, manifest
from tests.kit.pki import Leaf
from tests.kit.wait import eventually
from tests.kit.xds import request


@dataclass
class Whole:
    """A control plane that serves."""

    parts: Parts
    api: Address
    xds: Address | None
    """None of a global one."""
    client: Client
    """The administrator's."""

    @property
    def access(self) -> Access:
        """Where the API is and whom to trust there, without saying who we are."""
        found = read(self.parts.settings.kubeconfig)
        return Access(server=found.server, authority=found.authority)

    async def apply(self, *manifests: dict[str, Any]) -> None:
        """Returns when the control loop has seen them."""
        for one in manifests:
            await self.client.apply(one, manager="test", force=True)
        read_ = self.parts.loop.engine.read

        async def seen() -> bool:
            return all(read_.leaf(id_) is not None for id_ in map(id_of, manifests))

        await eventually(seen, what="the loop has seen what was applied", every=0.01)

    async def join_token(self, proxy: str) -> Secret[str]:
        """A token for the first certificate of this proxy or zone."""
        role = "zone" if proxy.startswith("zone/") else "join"
        spec = TokenSpec(action="create", role=role, proxies=(proxy,))
        return Secret((await ask(self.client, "TokenReview", spec, TokenAnswer)).token)

    def stream(self, held: Leaf) -> AdsStream:
        """A stream of xDS with this certificate, nothing said yet."""
        authority = self.parts.identities.authority.bundle
        return AdsStream.tls(str(self.xds), mutual_tls(authority, held.key, held.certificate), SERVER_NAME)


def hello(node: str) -> bytes:
    """What begins a stream of xDS."""
    return bytes(request(CLUSTER, "*", node=node).SerializeToString())


def workload(
    name: str, account: str = "default", labels: Mapping[str, str] | None = None, **spec: Any
) -> dict[str, Any]:
    """A Workload with a sidecar, in `shop`."""
    fields = {"address": "10.0.0.1", "serviceAccountName": account, "sidecar": {}, **spec}
    return manifest("Workload", name, labels=dict(labels or {}), spec=fields)


def leaf(credentials: Credentials) -> Leaf:
    """As the kit's clients take it."""
    return Leaf(credentials.issued.chain, credentials.key.reveal())


async def obtain(sign: Any, proxy: str, *more: Any) -> Credentials:
    """A new key and what a signer makes of it."""
    key = new_key()
    issued: Issued = await sign(signing_request(key), proxy, *more)
    return Credentials(key, issued)


@asynccontextmanager
async def running_whole(state: Path, place: Place = ALONE) -> AsyncIterator[Whole]:
    """With the Namespace `shop`."""
    private_directory(state)
    settings = ControlPlane(
        state=state, api=Address("127.0.0.1", 0), xds=Address("127.0.0.1", 0), drain=1.0, place=place
    )
    announced: asyncio.Future[tuple[Address, Address | None]] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    async with build(settings, SystemClock()) as parts:
        serving = run(parts, lambda api, xds: announced.set_result((api, xds)), stop)
        async with background(serving, name="control plane") as task:
            async with asyncio.timeout(60):
                api, xds = await announced
            async with Client.from_kubeconfig(settings.kubeconfig) as client:
                whole = Whole(parts, api, xds, client)
                await whole.apply(manifest("Namespace", "shop"))
                yield whole
            stop.set()
            await task
