"""A zone's link to the global control plane: its certificate, the mirrors, and the questions it answers."""

import asyncio
import ssl
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from random import SystemRandom
from secrets import token_hex
from typing import Any

import msgspec
import structlog

from sekisho import __version__
from sekisho.agent.keys import Keys
from sekisho.aio.clock import Clock
from sekisho.api import Mount, Review
from sekisho.app.host.caller import Caller
from sekisho.app.identities.serving import SERVER_NAME
from sekisho.app.settings import BadSetting
from sekisho.app.zones.answers import Answers
from sekisho.app.zones.others import own_or_refused
from sekisho.app.zones.peers import ZONE_PREFIX
from sekisho.app.zones.place import Joins
from sekisho.app.zones.signer import ZoneSigner
from sekisho.client.kubeconfig import Access
from sekisho.client.system_status import LinkState, SystemStatus
from sekisho.control.loop import ControlLoop
from sekisho.engine import Read
from sekisho.federation.client import ZoneLink as Mirrors
from sekisho.federation.messages import Report
from sekisho.kit.clocks import in_words, is_harmful, rfc3339
from sekisho.store.protocol import Store

log = structlog.get_logger(__name__)

CREDENTIALS = "zone.json"
"""In the state folder, 0600: the key and the certificate by which the zone is known at global."""


LONGEST_RETRY_SECONDS = 3.0
"""A zone without a certificate waits for somebody to bring it a token, and is one of a few."""


class ZoneLink:
    """Implements `Others` for a zone that joins others. The zone serves whether there is a link or not."""

    def __init__(self, zone: str, joins: Joins, state: Path, loop: ControlLoop, store: Store) -> None:
        """Nothing is dialled yet. Raises BadSetting when the authority's file cannot be used."""
        self._zone = zone
        self._url = joins.url
        self._loop = loop
        self._started = rfc3339(loop.clock.now())
        access = Access(server=joins.url, authority=_authority(joins.authority), server_name=SERVER_NAME)
        self._caller = Caller(access)
        signer = ZoneSigner(access, self._caller.held, joins.token_file, loop.clock)
        self._keys = _keys(state / CREDENTIALS, f"{ZONE_PREFIX}{zone}", signer, access, loop.clock)
        self._keys.on_renewal(self._use)
        self._use()
        self._answers = Answers(self._caller.client, self._refused, loop.clock)
        self._mirrors = Mirrors(
            joins.url, self._context, store, zone, loop.clock,
            name=lambda: token_hex(8), random=SystemRandom().random, server_name=SERVER_NAME,
        )  # fmt: skip
        self._mirrors.facts = self._facts
        self._told = self._facts()
        loop.on_commit.append(self._committed)

    def reviews(self) -> Sequence[Review]:
        """See `Others.reviews`: nobody dials a zone."""
        return ()

    def mounts(self) -> Sequence[Mount]:
        """See `Others.mounts`."""
        return ()

    def completed(self, status: SystemStatus) -> SystemStatus:
        """See `Others.completed`."""
        return msgspec.structs.replace(status, link=self.state())

    async def ask(self, zone: str, kind: str, spec: Mapping[str, Any]) -> None:  # noqa: ARG002 - the protocol's
        """See `Others.ask`."""
        own_or_refused(self._zone, zone)

    def answering(self, reviews: Sequence[Review]) -> None:
        """See `Others.answering`."""
        self._answers.by(reviews)

    def services(self) -> Mapping[str, Coroutine[Any, Any, None]]:
        """See `Others.services`."""
        return {
            "certificate of the zone": self._keys.run(),
            "mirrors": self._once_joined(self._mirrors.run()),
            "answers to global": self._once_joined(self._answers.run()),
            "connections to global": self._hold(),
        }

    def state(self) -> LinkState:
        """The link now."""
        found, issued = self._mirrors.state, self._keys.issued
        refused = (*found.refused, *found.refused_there)
        return LinkState(
            url=self._url,
            connected=found.connected,
            since=_text(found.since),
            fault=found.error or ("" if issued else "the zone has not joined yet"),
            last_sync=_text(found.last_sync),
            certificate_expires=_text(issued.not_after if issued else None),
            conflicts=tuple(map(str, sorted(found.held.conflicts))),
            refused=tuple(f"{one.id}: {one.why}" for one in refused),
            clock=_clock(found.minutes_ahead),
        )

    def _use(self) -> None:
        if self._keys.held:
            self._caller.use(self._keys.held)

    def _context(self) -> ssl.SSLContext:
        """With the certificate of now."""
        return self._caller.client().transport.access.tls()

    def _refused(self) -> None:
        """Our certificate is not taken, so it was revoked: another one is asked for, at once."""
        self._keys.renew_before(self._loop.clock.now())

    def _committed(self, _: Iterable[object], __: Read) -> None:
        """Global is told at once what changed, and every few seconds that nothing did."""
        if (facts := self._facts()) != self._told:
            self._told = facts
            self._mirrors.tell()

    def _facts(self) -> Report:
        proxies = self._loop.proxies.connected_now.values()
        counts = {
            "connected": len(proxies),
            "inSync": sum(1 for proxy in proxies if not proxy.behind),
            "rejected": sum(len(proxy.rejected) for proxy in proxies),
        }
        issued = self._keys.issued
        return Report(
            version=__version__,
            started_at=self._started,
            proxies=counts,
            certificate_expiry=_text(issued.not_after if issued else None),
        )

    async def _once_joined(self, service: Coroutine[Any, Any, None]) -> None:
        try:
            await self._keys.credentials()
        except BaseException:
            service.close()
            raise
        await service

    async def _hold(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await self._caller.close()


def _clock(minutes: int) -> str:
    return f"the clock here is {in_words(minutes, 'its own')}" if is_harmful(minutes) else ""


def _text(moment: datetime | None) -> str:
    return rfc3339(moment) if moment else ""


def _authority(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(f"--global-ca: {file}: {error}") from error


def _keys(file: Path, name: str, signer: ZoneSigner, access: Access, clock: Clock) -> Keys:
    """With the credentials that are there, unless they are another global control plane's, or zone's."""

    def load() -> Keys:
        return Keys(
            file, name, signer, clock=clock, random=SystemRandom(), longest_retry=LONGEST_RETRY_SECONDS
        )

    keys = load()
    if keys.issued and keys.issued.bundle.decode().strip() not in access.authority:
        log.warning("the zone's certificate is another global control plane's, and is not used")
        file.unlink()
        return load()
    return keys
