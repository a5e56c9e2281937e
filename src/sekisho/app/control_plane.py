"""The control plane process: store, authority, loop, API over TLS, xDS over mutual TLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import SystemRandom

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from sekisho import __version__
from sekisho.aio.clock import Clock, SystemClock
from sekisho.aio.tasks import run_until
from sekisho.api import About, Application, ServerSettings, create_app, serve, tls_context
from sekisho.app import garbage, logs, ports
from sekisho.app.authentication import Callers, Peers
from sekisho.app.identities import Identities
from sekisho.app.lock import exclusive
from sekisho.app.reviews import reviews
from sekisho.app.serving import ServingCertificate
from sekisho.app.settings import Address, ControlPlane
from sekisho.app.stopping import stop_requested
from sekisho.client import kubeconfig
from sekisho.control.loop import ControlLoop
from sekisho.control.proxies import AGENT, owner_of
from sekisho.identity.files import private_directory
from sekisho.identity.tokens import AGENT_LIFETIME, ALL_PROXIES, Role, Tokens
from sekisho.model.document import check
from sekisho.model.names import ResourceId
from sekisho.store.protocol import Store, Write
from sekisho.store.sqlite import open_sqlite
from sekisho.translate.facts import Settings
from sekisho.translate.gateway.classes import CONTROLLER_NAME
from sekisho.xds.admission import Refusal
from sekisho.xds.rpc import Status
from sekisho.xds.server import AdsServer
from sekisho.xds.tls import server_context
from sekisho.xds.view import View

log = structlog.get_logger(__name__)

TOKEN_CHECK_SECONDS = 3600.0
GATEWAY_CLASS = "sekisho"
"""Made at the first start, so that a Gateway needs nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that is built before anything runs."""

    settings: ControlPlane
    store: Store
    identities: Identities
    certificate: ServingCertificate
    loop: ControlLoop
    application: Application


async def control_plane(settings: ControlPlane, announce: Callable[[Address, Address], None]) -> None:
    """Runs until SIGINT or SIGTERM. `announce` is told where API and xDS are once both serve.

    Raises ports.PortBusy, lock.Busy, store StoreFailed, identity AuthorityBroken and TokensBroken.
    """
    private_directory(settings.state)
    logs.configure(settings.logging)
    ports.check(settings.api.host, settings.api.port, "the API")
    ports.check(settings.xds.host, settings.xds.port, "xDS")
    with exclusive(settings.state / "control-plane.lock"), stop_requested() as stop:
        async with build(settings, SystemClock()) as parts:
            await run(parts, announce, stop)
    log.info("control plane ended")


@asynccontextmanager
async def build(settings: ControlPlane, clock: Clock) -> AsyncIterator[Parts]:
    """The object graph, with the store open for as long as the block lasts. No port is bound here."""
    state = settings.state
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(
            open_sqlite(state / "store.sqlite", state / "store.key", clock=clock)
        )
        await _ensure_gateway_class(store)
        loop = ControlLoop(store, clock, Settings(), addresses=settings.gateways)
        identities = Identities.load(state, loop)
        hosts = (settings.api.host, settings.xds.host)
        certificate = await ServingCertificate.make(state / "serving", identities.authority, hosts)
        started = clock.now().isoformat(timespec="seconds")
        application = create_app(
            store,
            Callers(identities.tokens, identities.peers),
            reviews=reviews(loop, store, identities, started),
            clock=clock,
            about=About(
                release=__version__,
                service_range=settings.services,
                is_ready=loop.ready.is_set,
                metrics=lambda: _metrics(loop),
            ),
        )
        yield Parts(
            settings=settings, store=store, identities=identities, certificate=certificate,
            loop=loop, application=application,
        )  # fmt: skip


async def run(parts: Parts, announce: Callable[[Address, Address], None], stop: asyncio.Event) -> None:
    """Serves until `stop` is set; then ends watches and streams within the drain time."""
    served: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    ads = AdsServer(authorizer(parts.loop, parts.identities.peers), parts.loop.proxies)
    parts.identities.revocations.on_change(lambda: _cut_off(ads, parts.identities.peers))
    parts.loop.on_move = partial(_send_on, ads)
    try:
        await run_until(
            stop,
            {
                "garbage": garbage.collect(parts.loop.ready, parts.loop.clock),
                "control loop": parts.loop.run(),
                "rotate roots": parts.identities.trusts.run(parts.loop.engine.read),
                "renew the tokens of this host": _keep_tokens(parts),
                "renew the serving certificate": parts.certificate.keep_renewed(
                    parts.loop.clock, SystemRandom()
                ),
                "API": serve(
                    parts.application, _api(parts), started=served.set_result, context=_api_context(parts)
                ),
                "announce": _announce(parts, ads, served, announce),
            },
        )
    finally:
        await ads.drain(parts.settings.drain)


def authorizer(loop: ControlLoop, peers: Peers) -> Callable[[str | None, str], Sequence[View] | Refusal]:
    """A proxy, and the agent beside it, may follow the views of the Gateway or Workload in its certificate,
    as long as that is ours."""

    def authorize(peer: str | None, node_id: str) -> Sequence[View] | Refusal:
        owner = owner_of(node_id)
        if owner is None:
            return Refusal("the node id is not gateway|workload/<namespace>/<name>/<instance>")
        if refusal := peers.stream_refusal(peer, node_id.removeprefix(AGENT)):
            return Refusal(refusal)
        views = loop.views_of(owner)
        if views:
            return views
        if owner.kind == "Gateway":
            return Refusal(f"there is no Gateway {owner.namespace}/{owner.name} of a class of ours")
        return Refusal(f"there is no Workload {owner.namespace}/{owner.name} with a sidecar in a mesh")

    return authorize


def _send_on(ads: AdsServer, moved: Collection[ResourceId]) -> None:
    """Workloads that see another World than before begin anew, at once: they are sent the difference."""
    ended = ads.disconnect(
        lambda _, node: owner_of(node) in moved, "there is another view for it", Status.UNAVAILABLE
    )
    if ended:
        log.info("streams of workloads began anew", streams=ended)


def _cut_off(ads: AdsServer, peers: Peers) -> None:
    """Ends the streams of whoever would not be let in any more."""
    ended = ads.disconnect(
        lambda peer, node: bool(peers.stream_refusal(peer, node.removeprefix(AGENT))),
        "the certificate was revoked",
    )
    log.info("revoked streams ended", streams=ended)


async def _announce(
    parts: Parts,
    ads: AdsServer,
    served: "asyncio.Future[int]",
    announce: Callable[[Address, Address], None],
) -> None:
    """Proxies are let in once everything is translated: before, they would be told that there is nothing."""
    settings = parts.settings
    await parts.loop.ready.wait()
    context = _xds_context(parts)
    xds = Address(
        settings.xds.host, await ads.listen_tls(settings.xds.host, settings.xds.port, lambda: context)
    )
    api = Address(settings.api.host, await served)
    _write_kubeconfigs(parts, api)
    log.info("control plane serves", api=str(api), xds=str(xds))
    announce(api, xds)


def _metrics(loop: ControlLoop) -> tuple[bytes, str]:
    loop.proxies.count_sent()
    return generate_latest(), CONTENT_TYPE_LATEST


def _api(parts: Parts) -> ServerSettings:
    settings = parts.settings
    return ServerSettings(
        certificate=parts.certificate.certificate,
        key=parts.certificate.key,
        host=settings.api.host,
        port=settings.api.port,
        stop_seconds=max(1, round(settings.drain)),
        clients=parts.identities.authority.bundle.decode(),
    )


def _api_context(parts: Parts) -> ssl.SSLContext:
    return parts.certificate.supply(tls_context(_api(parts)))


def _xds_context(parts: Parts) -> ssl.SSLContext:
    certificate, authorities = parts.certificate, parts.identities.authority.bundle.decode()
    context = server_context(certificate.certificate, certificate.key, authorities)
    return certificate.supply(context)


def _write_kubeconfigs(parts: Parts, api: Address) -> None:
    """For people and for an agent on this host, each with its own token."""
    settings, tokens = parts.settings, parts.identities.tokens
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(api.host, api.host)  # noqa: S104 - compared with
    server = f"https://{Address(host, api.port)}"
    authority = parts.identities.authority.bundle.decode()
    admin_token, agent_token = _ensure_tokens(settings, tokens)
    kubeconfig.write(settings.kubeconfig, server=server, authority=authority, token_file=admin_token)
    kubeconfig.write(settings.agent_kubeconfig, server=server, authority=authority, token_file=agent_token)


def _ensure_tokens(settings: ControlPlane, tokens: Tokens) -> tuple[Path, Path]:
    """The files of the admin's and the agent's token, the tokens in them in the first half of their life."""
    folder = private_directory(settings.agent_kubeconfig.parent)
    file, name = folder / "agent.token", "agent on this host"
    agent = tokens.ensure(file, name, Role.AGENT, AGENT_LIFETIME, ALL_PROXIES)
    return tokens.ensure_admin(settings.state / "admin.token"), agent


async def _keep_tokens(parts: Parts) -> None:
    """A control plane that runs for months must not lock out its own host when the first tokens end."""
    while True:
        await parts.loop.clock.sleep(TOKEN_CHECK_SECONDS)
        try:
            _ensure_tokens(parts.settings, parts.identities.tokens)
        except OSError as error:
            log.error("the tokens of this host are not renewed", reason=str(error))  # noqa: TRY400 - no bug


async def _ensure_gateway_class(store: Store) -> None:
    """Creates the class when there is none of that name; one that somebody changed stays as it is."""
    document = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "GatewayClass",
        "metadata": {"name": GATEWAY_CLASS},
        "spec": {"controllerName": CONTROLLER_NAME, "description": "Gateways served by Sekisho's Envoys."},
    }
    id_ = ResourceId("GatewayClass", "", GATEWAY_CLASS)
    await store.write([Write("create", id_, check("GatewayClass", document).object)])
