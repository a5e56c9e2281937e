"""The control plane process: store, authority, loop, API over TLS, xDS over mutual TLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from random import SystemRandom

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from sekisho import __version__
from sekisho.aio.clock import Clock, SystemClock
from sekisho.aio.tasks import run_until
from sekisho.api import About, Application, ServerSettings, create_app, serve, tls_context
from sekisho.app import garbage, logs, ports
from sekisho.app.classes import ensure_classes
from sekisho.app.host.access import HostAccess
from sekisho.app.identities.authentication import Callers
from sekisho.app.identities.known import Identities
from sekisho.app.identities.lives import Lives
from sekisho.app.identities.serving import ServingCertificate
from sekisho.app.lock import exclusive
from sekisho.app.reviews.offered import reviews
from sekisho.app.settings import Address, ControlPlane
from sekisho.app.stopping import stop_requested
from sekisho.app.xds_front import XdsFront
from sekisho.app.zones import place
from sekisho.app.zones.global_plane import GlobalPlane
from sekisho.app.zones.link import ZoneLink
from sekisho.app.zones.others import Alone, Others
from sekisho.app.zones.place import Mode
from sekisho.control.loop import ControlLoop
from sekisho.control.tally import Refused
from sekisho.identity.files import private_directory
from sekisho.store.protocol import Store
from sekisho.store.sqlite import open_sqlite
from sekisho.translate.facts import Settings
from sekisho.xds.contexts import Contexts
from sekisho.xds.tls import server_context

log = structlog.get_logger(__name__)

Announce = Callable[[Address, Address | None], None]
"""Told where the API and xDS are, once both serve; a global control plane has no xDS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that is built before anything runs."""

    settings: ControlPlane
    store: Store
    identities: Identities
    certificate: ServingCertificate
    loop: ControlLoop
    application: Application
    access: HostAccess
    xds: XdsFront | None
    """None in a global control plane."""
    others: Others


async def control_plane(settings: ControlPlane, announce: Announce) -> None:
    """Runs until SIGINT or SIGTERM.

    Raises ports.PortBusy, lock.Busy, place.WrongPlace, store StoreFailed, identity AuthorityBroken and
    TokensBroken.
    """
    private_directory(settings.state)
    logs.configure(settings.logging)
    ports.check(settings.api.host, settings.api.port, "the API")
    if settings.place.mode is Mode.ZONE:
        ports.check(settings.xds.host, settings.xds.port, "xDS")
    with exclusive(settings.state / "control-plane.lock"), stop_requested() as stop:
        async with build(settings, SystemClock()) as parts:
            await run(parts, announce, stop)
    log.info("control plane ended")


@asynccontextmanager
async def build(settings: ControlPlane, clock: Clock) -> AsyncIterator[Parts]:
    """The object graph, with the store open for as long as the block lasts. No port is bound here."""
    state, is_zone = settings.state, settings.place.mode is Mode.ZONE
    place.claim(state, settings.place)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(
            open_sqlite(state / "store.sqlite", state / "store.key", clock=clock)
        )
        if is_zone:
            await ensure_classes(store)
        shared = Settings(
            zone=settings.place.name,
            serves=is_zone,
            linked=is_zone and settings.place.joins is not None,
            service_range=settings.services,
        )
        loop = ControlLoop(store, clock, shared, addresses=settings.gateways)
        identities = Identities.load(state, loop, settings.place)
        hosts = (settings.api.host, settings.xds.host)
        certificate = await ServingCertificate.make(state / "serving", identities.authority, hosts)
        others = _others(settings, loop, store, identities)
        yield Parts(
            settings=settings, store=store, identities=identities, certificate=certificate, loop=loop,
            application=_application(settings, store, loop, identities, others),
            access=HostAccess(settings, identities.tokens, clock),
            xds=XdsFront(loop, identities.peers) if is_zone else None, others=others,
        )  # fmt: skip


def _others(settings: ControlPlane, loop: ControlLoop, store: Store, identities: Identities) -> Others:
    chosen = settings.place
    if chosen.mode is Mode.GLOBAL:
        return GlobalPlane(loop, store, identities)
    if chosen.joins is None:
        return Alone(chosen.zone)
    return ZoneLink(chosen.zone, chosen.joins, settings.state, loop, store)


def _application(
    settings: ControlPlane, store: Store, loop: ControlLoop, identities: Identities, others: Others
) -> Application:
    answered = reviews(loop, store, identities, settings.place, others)
    others.answering(answered)
    return create_app(
        store,
        Callers(identities.tokens, identities.peers, identities.zones),
        reviews=answered,
        mounts=others.mounts(),
        clock=loop.clock,
        about=About(
            release=__version__,
            service_range=settings.services,
            is_ready=loop.ready.is_set,
            metrics=partial(_metrics, loop),
            refused=partial(_refused, loop),
        ),
    )


async def run(parts: Parts, announce: Announce, stop: asyncio.Event) -> None:
    """Serves until `stop` is set; then ends watches and streams within the drain time."""
    served: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    try:
        await run_until(
            stop,
            {
                "garbage": garbage.collect(parts.loop.ready, parts.loop.clock, partial(_forget, parts)),
                "control loop": parts.loop.run(),
                "rotate roots": parts.identities.trusts.run(parts.loop.engine.read),
                "roots of SPIRE": parts.identities.spire.run(),
                "watch the lives of certificates": Lives(parts.identities, parts.loop).watch(),
                "renew the tokens of this host": parts.access.keep(),
                "renew the serving certificate": parts.certificate.keep_renewed(
                    parts.loop.clock, SystemRandom()
                ),
                "API": serve(
                    parts.application, _api(parts), started=served.set_result, context=_api_context(parts)
                ),
                "announce": _announce(parts, served, announce),
                **parts.others.services(),
            },
        )
    finally:
        if parts.xds:
            await parts.xds.drain(parts.settings.drain)


def _forget(parts: Parts) -> None:
    """What was made for proxies of which many want the same, and can be made again."""
    parts.loop.publisher.forget_built()
    if parts.xds:
        parts.xds.forget_requests()


async def _announce(parts: Parts, served: "asyncio.Future[int]", announce: Announce) -> None:
    """Proxies are let in once everything is translated: before, they would be told that there is nothing."""
    settings = parts.settings
    await parts.loop.ready.wait()
    xds = await parts.xds.listen(settings.xds, _xds_contexts(parts)) if parts.xds else None
    api = Address(settings.api.host, await served)
    parts.access.write(api, parts.identities.authority.bundle.decode())
    log.info("control plane serves", api=str(api), xds=str(xds or ""), place=settings.place.name)
    announce(api, xds)


def _refused(loop: ControlLoop, code: int) -> None:
    what = Refused.by_code(code)
    if what is not None:
        loop.tally.add(what)


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


def _xds_contexts(parts: Parts) -> Contexts:
    certificate, authorities = parts.certificate, parts.identities.authority.bundle.decode()
    contexts = Contexts(lambda: server_context(certificate.certificate, certificate.key, authorities))
    certificate.on_renewal(contexts.renew)
    return contexts
