"""The global control plane's side of its zones: who they are, how they are, and what they are asked."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from secrets import token_hex
from typing import Any

import msgspec
import structlog
from starlette.requests import Request

from sekisho.api import ApiError, Mount, Review, User, user_of
from sekisho.app.identities.known import Identities
from sekisho.app.reviews.review import review
from sekisho.app.reviews.token_review import end_zone_tokens
from sekisho.app.zones.inquiries import Inquiries, NoAnswer
from sekisho.app.zones.peers import MEMBER_ROLE, ZONE_PREFIX, zone_of
from sekisho.client.system_status import SystemStatus, ZoneState
from sekisho.client.zones import ZoneInquiryAnswer, ZoneInquirySpec
from sekisho.control.loop import ControlLoop
from sekisho.control.zones import zone_state
from sekisho.engine import Read
from sekisho.federation import wire
from sekisho.federation.endpoints import Endpoints
from sekisho.federation.server import Federation
from sekisho.model.names import ResourceId
from sekisho.model.problems import Invalid, Problem
from sekisho.store.protocol import Store

log = structlog.get_logger(__name__)

_ZONES = frozenset({MEMBER_ROLE})


class GlobalPlane:
    """Implements `Others` for the global control plane."""

    def __init__(self, loop: ControlLoop, store: Store, identities: Identities) -> None:
        self._loop = loop
        self._identities = identities
        self._federation = Federation(store, loop.clock, lambda: token_hex(8))
        self._inquiries = Inquiries()
        self._zones: set[ResourceId] = set()
        self._revoked = asyncio.Event()
        identities.revocations.on_change(self._revoked.set)
        loop.on_commit.append(self._committed)

    def reviews(self) -> Sequence[Review]:
        """See `Others.reviews`: requests of zones that wait for questions."""
        return (review("ZoneInquiry", _ZONES, ZoneInquirySpec, self._fetch, "A zone asks what it is asked."),)

    def mounts(self) -> Sequence[Mount]:
        """See `Others.mounts`: the streams of the federation, which knows whom it lets in."""
        return (Mount(wire.PATH, Endpoints(self._federation, _caller, self._loop.clock), self._stop),)

    def completed(self, status: SystemStatus) -> SystemStatus:
        """See `Others.completed`."""
        return msgspec.structs.replace(status, zones=tuple(map(self._state, sorted(self._zones))))

    async def ask(self, zone: str, kind: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Others.ask`."""
        if ResourceId("Zone", "", zone) not in self._zones:
            raise Invalid([Problem("spec.zone", f"there is no zone {zone}")])
        try:
            return await self._inquiries.ask(zone, kind, spec)
        except NoAnswer as error:
            raise ApiError(503, "ServiceUnavailable", str(error)) from error

    def answering(self, reviews: Sequence[Review]) -> None:
        """See `Others.answering`: zones ask nothing."""

    def services(self) -> Mapping[str, Coroutine[Any, Any, None]]:
        """See `Others.services`."""
        return {"federation": self._federation.run(), "end revoked streams": self._end_revoked()}

    async def _stop(self) -> None:
        self._inquiries.stop()
        await self._federation.stop()

    async def _fetch(self, user: User, spec: ZoneInquirySpec) -> ZoneInquiryAnswer:
        return await self._inquiries.fetch(zone_of(user), spec)

    async def _end_revoked(self) -> None:
        """All streams end: those whose certificate is good still come again at once."""
        while True:
            await self._revoked.wait()
            self._revoked.clear()
            await self._federation.stop()

    def _state(self, zone: ResourceId) -> ZoneState:
        return zone_state(
            zone.name,
            self._loop.statuses.current(zone) or {},
            enabled=self._loop.engine.read.leaf(zone).spec.enabled,
            connected=self._federation.is_connected(zone.name),
            lag=self._federation.lag(zone.name),
        )

    def _committed(self, leaves: Iterable[object], read: Read) -> None:
        for leaf in leaves:
            if not isinstance(leaf, ResourceId) or leaf.kind != "Zone":
                continue
            if read.leaf(leaf) is not None:
                self._zones.add(leaf)
            elif leaf in self._zones:
                self._zones.discard(leaf)
                self._removed(leaf.name)

    def _removed(self, zone: str) -> None:
        """It does not come back by what it had: neither certificate nor token."""
        self._identities.revocations.revoke_proxy(f"{ZONE_PREFIX}{zone}")
        end_zone_tokens(self._identities.tokens, f"{ZONE_PREFIX}{zone}")


async def _caller(request: Request) -> str:
    return zone_of(user_of(request))
