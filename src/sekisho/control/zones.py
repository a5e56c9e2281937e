"""What a global control plane knows of its zones: who is connected, how they are, and their statuses."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from sekisho.aio.clock import Clock
from sekisho.client.reviews import ZoneState
from sekisho.client.zones import ZoneReport
from sekisho.control.status import StatusWriter
from sekisho.engine import Read
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.conditions import Status, condition

log = structlog.get_logger(__name__)

HEARTBEAT = 3.0
"""Seconds between two reports of a zone in which nothing changes."""
SILENCE = 10.0
"""Seconds without one after which a zone counts as lost."""
LOOK = 0.5
"""Seconds between two looks for who fell silent."""
COARSE = timedelta(seconds=60)
"""How far the last sync in a status may lag behind: it alone is not worth a write."""

DISABLED, NOT_JOINED = "Disabled", "Pending"
"""Reasons for not being connected that nobody needs to look after."""


@dataclass(slots=True)
class _Known:
    """What is known of one zone since this control plane started."""

    report: ZoneReport | None = None
    connected: bool = False
    since: str = ""
    heard: float = 0.0
    """By the monotonic clock, when it reported."""


class ZoneBook:
    """Follows the Zone objects and hears the reports."""

    def __init__(self, statuses: StatusWriter, read: Read, clock: Clock) -> None:
        self._statuses = statuses
        self._read = read
        self._clock = clock
        self._zones: set[ResourceId] = set()
        self._known: dict[ResourceId, _Known] = {}
        self._settled = False
        """Whether every zone has had the time to say that it is there, since this control plane started."""
        self.lag: Callable[[str], float] = lambda _: 0.0
        """Seconds that a zone's oldest change has waited which it has not taken; set by the federation."""

    def reported(self, name: str, report: ZoneReport) -> float:
        """A zone says how it is; returns the seconds until it is to say so again."""
        zone = ResourceId("Zone", "", name)
        known = self._known.setdefault(zone, _Known())
        known.heard, known.report = self._clock.monotonic(), report
        if not known.connected:
            known.connected, known.since = True, self._moment()
            log.info("zone connected", zone=name, version=report.version)
        self._tell(zone)
        return HEARTBEAT

    def lost(self, name: str) -> None:
        """A zone's connection ended; its next report says that it is back."""
        self._lost(ResourceId("Zone", "", name))

    def committed(self, leaves: Iterable[object], _: Read) -> None:
        """After a commit: Zones that are new, changed or gone."""
        for leaf in leaves:
            if isinstance(leaf, ResourceId) and leaf.kind == "Zone":
                self._changed(leaf)

    async def run(self) -> None:
        """Notices who falls silent, until cancelled."""
        await self._clock.sleep(SILENCE)
        self._settled = True
        for zone in self._zones:
            self._tell(zone)
        while True:
            limit = self._clock.monotonic() - SILENCE
            for zone in [zone for zone, known in self._known.items() if known.heard < limit]:
                self._lost(zone)
            await self._clock.sleep(LOOK)

    def states(self) -> tuple[ZoneState, ...]:
        """All zones, as `sekisho status` shows them."""
        return tuple(self._state(zone) for zone in sorted(self._zones))

    def _changed(self, zone: ResourceId) -> None:
        found = self._read.leaf(zone)
        if found is None:
            self._zones.discard(zone)
            self._known.pop(zone, None)
            self._statuses.want(zone, None)
            return
        self._zones.add(zone)
        if not found.spec.enabled:
            self._lost(zone)
        self._tell(zone)

    def _lost(self, zone: ResourceId) -> None:
        known = self._known.get(zone)
        if known is not None and known.connected:
            known.connected, known.since = False, self._moment()
            log.warning("zone lost", zone=zone.name)
            self._tell(zone)

    def _state(self, zone: ResourceId) -> ZoneState:
        known = self._known.get(zone, _Known())
        status = self._statuses.current(zone) or {}
        plane, proxies = status.get("controlPlane") or {}, status.get("proxies") or {}
        report = known.report or ZoneReport(  # before this start of ours
            version=plane.get("version", ""),
            started=plane.get("startedAt", ""),
            proxies=proxies.get("connected", 0),
            in_sync=proxies.get("inSync", 0),
            rejected=proxies.get("rejected", 0),
            last_sync=status.get("lastSync", ""),
            certificate_expires=status.get("certificateExpiry", ""),
            conflicts=tuple(status.get("conflicts", ())),
        )
        return ZoneState(
            name=zone.name,
            enabled=self._read.leaf(zone).spec.enabled,
            joined=bool(report.version),
            connected=known.connected,
            since=known.since or _since(status),
            version=report.version,
            started=report.started,
            lag=self.lag(zone.name) if known.connected else 0.0,
            last_sync=report.last_sync,
            proxies=report.proxies,
            in_sync=report.in_sync,
            rejected=report.rejected,
            certificate_expires=report.certificate_expires,
            conflicts=report.conflicts,
            waits=report.waits,
        )

    def _tell(self, zone: ResourceId) -> None:
        """Has the status written where it differs; a zone that may be about to report is not called lost."""
        if self._statuses.current(zone) and zone not in self._known and not self._settled:
            return
        state, generation = self._state(zone), self._read.leaf(zone).metadata.generation
        status: dict[str, Any] = {
            "conditions": [
                condition("Joined", _truth(holds=state.joined), *_joined(state), generation),
                condition("Connected", _truth(holds=state.connected), *_connected(state), generation),
            ]
        }
        if state.joined:
            status |= _details(state, self._statuses.current(zone) or {})
        self._statuses.want(zone, status)

    def _moment(self) -> str:
        return self._clock.now().isoformat(timespec="seconds")


def _truth(*, holds: bool) -> Status:
    return "True" if holds else "False"


def _details(state: ZoneState, written: Mapping[str, Any]) -> dict[str, Any]:
    """What a zone that has joined says of itself."""
    last_sync = _coarse(state.last_sync, str(written.get("lastSync", "")))
    return {
        "controlPlane": {"version": state.version, "startedAt": state.started},
        "proxies": {"connected": state.proxies, "inSync": state.in_sync, "rejected": state.rejected},
        "certificateExpiry": state.certificate_expires,
        "conflicts": list(state.conflicts),
        **({"lastSync": last_sync} if last_sync else {}),
    }


def _coarse(now: str, written: str) -> str:
    """The moment that is written, unless it is too old."""
    if now and written and datetime.fromisoformat(now) - datetime.fromisoformat(written) < COARSE:
        return written
    return now


def _since(status: Mapping[str, Any]) -> str:
    found = (one for one in status.get("conditions", ()) if one["type"] == "Connected")
    return next((str(one["lastTransitionTime"]) for one in found), "")


def _joined(state: ZoneState) -> tuple[str, str]:
    if state.joined:
        return "Joined", "It has a certificate."
    return NOT_JOINED, f"`sekisho zone token {state.name}` makes the token with which it joins."


def _connected(state: ZoneState) -> tuple[str, str]:
    if not state.enabled:
        return DISABLED, "It was disabled."
    if state.connected:
        return "Connected", "Its control plane reports."
    if not state.joined:
        return NOT_JOINED, "It has not joined yet."
    return "Silent", "Its control plane does not report: others use what it said last."
