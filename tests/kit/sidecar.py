"""Sidecars made of IR alone: a real Envoy each, with its own certificate, and everything else by ADS."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sekisho import envoy, ir
from sekisho.envoy import Resource
from sekisho.ir.transport import IDENTITY_SECRET, TRUST_SECRET
from sekisho.model.names import Origin, ResourceId
from tests.kit.ads import Ads, serving_ads
from tests.kit.envoy import Envoy, running_envoy
from tests.kit.gateway import bootstrap
from tests.kit.pki import Leaf, TestAuthority

ORIGIN = Origin(ResourceId("Workload", "shop", "test"))
TRUST_DOMAIN = "default.default.mesh.local"


def spiffe_id(account: str, namespace: str = "shop", domain: str = TRUST_DOMAIN) -> str:
    return f"spiffe://{domain}/ns/{namespace}/sa/{account}"


def identity_secret(leaf: Leaf) -> Resource:
    """What the agent serves."""
    certificate = ir.Certificate(name=IDENTITY_SECRET, chain=leaf.certificate, key=leaf.key, origin=ORIGIN)
    return envoy.resource(envoy.secret(certificate))


def trust(*authorities: tuple[str, TestAuthority]) -> Resource:
    """The authorities that are believed, by trust domain."""
    pairs = tuple((domain, authority.certificate) for domain, authority in authorities)
    return envoy.resource(envoy.trust_bundle(ir.TrustBundle(name=TRUST_SECRET, authorities=pairs)))


def inbound(port: int, target: int, **fields: Any) -> ir.Inbound:
    """Strict, for everybody of the mesh; `fields` change it."""
    everybody = ir.PermissionRule(effect=ir.Effect.ALLOW, caller=ir.Caller(), origin=ORIGIN)
    defaults: dict[str, Any] = {
        "name": f"inbound/{port}",
        "address": "127.0.0.1",
        "port": port,
        "bound": True,
        "target_address": "127.0.0.1",
        "target_port": target,
        "protocol": ir.Protocol.HTTP1,
        "tls": ir.MutualTls(trust_domains=(TRUST_DOMAIN,)),
        "inspected": True,
        "permissions": ir.Permissions(rules=(everybody,)),
        "origin": ORIGIN,
    }
    return ir.Inbound(**defaults | fields)


def of_inbound(wanted: ir.Inbound) -> list[Resource]:
    messages = (envoy.inbound_cluster, envoy.inbound_listener, envoy.inbound_route_configuration)
    return [envoy.resource(make(wanted)) for make in messages]


def outbound(name: str, port: int, tcp: ir.TcpForward | None = None, **fields: Any) -> ir.Outbound:
    """On the loopback."""
    defaults: dict[str, Any] = {
        "name": f"outbound/{name}",
        "addresses": ("127.0.0.1",),
        "port": port,
        "bound": True,
        "tcp": tcp,
        "origin": ORIGIN,
    }
    return ir.Outbound(**defaults | fields)


def mesh_cluster(
    name: str, endpoints: Sequence[ir.Endpoint], identities: Sequence[str], **fields: Any
) -> list[Resource]:
    """The cluster of a Service port, and its endpoints."""
    alpn = fields.pop("alpn", "sekisho-h2")
    transport = ir.MeshTransport(
        server_name=f"{name.replace('/', '.')}.sekisho", identities=tuple(identities), alpn=alpn
    )
    cluster = ir.Cluster(name=name, transport=transport, origin=ORIGIN, **fields)
    ready = ir.Endpoints(cluster=name, endpoints=tuple(endpoints), origin=ORIGIN)
    return [
        envoy.resource(envoy.outbound_cluster(cluster)),
        envoy.resource(envoy.cluster_load_assignment(ready)),
    ]


def route_table(name: str, *routes: ir.Route) -> Resource:
    """The routes of an outbound."""
    host = ir.VirtualHost(table=f"outbound/{name}", hostname="*", routes=routes)
    table = ir.RouteTable(name=f"outbound/{name}", hosts=(host,), origin=ORIGIN)
    return envoy.resource(envoy.route_configuration(table))


@dataclass
class Sidecar:
    """One Envoy and what it is served."""

    envoy: Envoy
    ads: Ads = field(default_factory=Ads)

    async def publish(self, *resources: Resource) -> None:
        """Returns when it has acknowledged it; fails when it refused."""
        refused = len(self.ads.nacks)
        self.ads.put(*resources)
        await self.ads.settled()
        if len(self.ads.nacks) > refused:
            raise AssertionError(self.ads.nacks[-1])


@asynccontextmanager
async def running_sidecar(
    folder: Path,
    leaf: Leaf,
    *resources: Resource,
    concurrency: int = 1,
    role: envoy.Role = envoy.Role.SIDECAR,
) -> AsyncIterator[Sidecar]:
    """Ready when it has taken `resources`; among them is whom it trusts."""
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - nobody waits meanwhile
    async with AsyncExitStack() as stack:
        ads = Ads()
        ads.put(identity_secret(leaf), *resources)
        await stack.enter_async_context(serving_ads(ads, folder / "xds.sock"))
        started = bootstrap(folder, role=role)
        running = await stack.enter_async_context(running_envoy(started, folder, concurrency=concurrency))
        await ads.settled()
        if ads.nacks:
            raise AssertionError(ads.nacks[-1])
        yield Sidecar(running, ads)
