"""A zone's link to the global control plane: its certificate, its reports, and the questions it answers."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from pathlib import Path
from random import SystemRandom
from typing import Any

import msgspec
import structlog

from sekisho import __version__
from sekisho.agent.keys import Keys
from sekisho.aio.clock import Clock
from sekisho.api import Review
from sekisho.app.caller import Caller
from sekisho.app.others import own_or_refused
from sekisho.app.place import Joins
from sekisho.app.serving import SERVER_NAME
from sekisho.app.settings import BadSetting
from sekisho.app.zone_answers import Answers
from sekisho.app.zone_peers import ZONE_PREFIX
from sekisho.app.zone_reports import Reports
from sekisho.app.zone_signer import ZoneSigner
from sekisho.client.kubeconfig import Access
from sekisho.client.reviews import LinkState, SystemStatus
from sekisho.client.zones import ZoneReport
from sekisho.control.loop import ControlLoop
from sekisho.engine import Read

log = structlog.get_logger(__name__)

CREDENTIALS = "zone.json"
"""In the state folder, 0600: the key and the certificate by which the zone is known at global."""


class ZoneLink:
    """Implements `Others` for a zone that joins others. The zone serves whether there is a link or not."""

    def __init__(self, zone: str, joins: Joins, state: Path, loop: ControlLoop) -> None:
        """Nothing is dialled yet. Raises BadSetting when the authority's file cannot be used."""
        self._zone = zone
        self._url = joins.url
        self._loop = loop
        self._started = loop.clock.now().isoformat(timespec="seconds")
        access = Access(server=joins.url, authority=_authority(joins.authority), server_name=SERVER_NAME)
        self.caller = Caller(access)
        """Calls global as this zone, once there is a certificate."""
        signer = ZoneSigner(access, self.caller.held, joins.token_file, loop.clock)
        self._keys = _keys(state / CREDENTIALS, f"{ZONE_PREFIX}{zone}", signer, access, loop.clock)
        self._keys.on_renewal(self._use)
        self._use()
        self._reports = Reports(self.caller.client, self._report, self._refused, loop.clock)
        self._answers = Answers(self.caller.client, loop.clock)
        loop.on_commit.append(self._committed)

    def reviews(self) -> Sequence[Review]:
        """See `Others.reviews`: nobody dials a zone."""
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
            "zone certificate": self._keys.run(),
            "report to global": self._once_joined(self._reports.run()),
            "answer global": self._once_joined(self._answers.run()),
            "hold the connections": self._hold(),
        }

    def state(self) -> LinkState:
        """The link now."""
        issued, reports = self._keys.issued, self._reports
        return LinkState(
            url=self._url,
            connected=reports.connected,
            since=reports.since,
            fault=reports.fault,
            certificate_expires=issued.not_after.isoformat() if issued else "",
        )

    def _use(self) -> None:
        if self._keys.held:
            self.caller.use(self._keys.held)

    def _refused(self) -> None:
        """Our certificate is not taken, so it was revoked: another one is asked for, at once."""
        self._keys.renew_before(self._loop.clock.now())

    def _committed(self, _: Iterable[object], __: Read) -> None:
        self._reports.changed()

    def _report(self) -> ZoneReport:
        proxies = self._loop.proxies.connected_now.values()
        issued = self._keys.issued
        return ZoneReport(
            version=__version__,
            started=self._started,
            proxies=len(proxies),
            in_sync=sum(1 for proxy in proxies if not proxy.behind),
            rejected=sum(len(proxy.rejected) for proxy in proxies),
            certificate_expires=issued.not_after.isoformat() if issued else "",
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
            await self.caller.close()


def _authority(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(f"--global-ca: {file}: {error}") from error


def _keys(file: Path, name: str, signer: ZoneSigner, access: Access, clock: Clock) -> Keys:
    """With the credentials that are there, unless they are another global control plane's, or zone's."""

    def load() -> Keys:
        return Keys(file, name, signer, clock=clock, random=SystemRandom())

    keys = load()
    if keys.issued and keys.issued.bundle.decode().strip() not in access.authority:
        log.warning("the zone's certificate is another global control plane's, and is not used")
        file.unlink()
        return load()
    return keys
