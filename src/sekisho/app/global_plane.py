"""The global control plane's side of its zones: who they are, how they are, and what they are asked."""

from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import structlog

from sekisho.api import ApiError, Review, User
from sekisho.app.identities import Identities
from sekisho.app.inquiries import Inquiries, NoAnswer
from sekisho.app.review import review
from sekisho.app.token_review import end_zone_tokens
from sekisho.app.zone_peers import MEMBER_ROLE, ZONE_PREFIX, zone_of
from sekisho.client.reviews import SystemStatus
from sekisho.client.zones import ZoneInquiryAnswer, ZoneInquirySpec, ZoneReport, ZoneReportAnswer
from sekisho.control.loop import ControlLoop
from sekisho.control.zones import ZoneBook
from sekisho.engine import Read
from sekisho.model.names import ResourceId
from sekisho.model.problems import Invalid, Problem

log = structlog.get_logger(__name__)

_ZONES = frozenset({MEMBER_ROLE})


class GlobalPlane:
    """Implements `Others` for the global control plane."""

    def __init__(self, loop: ControlLoop, identities: Identities) -> None:
        self.book = ZoneBook(loop.statuses, loop.engine.read, loop.clock)
        self._inquiries = Inquiries()
        self._identities = identities
        self._read = loop.engine.read
        loop.on_commit += [self.book.committed, self._forget_removed]

    def reviews(self) -> Sequence[Review]:
        """See `Others.reviews`: reports, and requests that wait for questions."""
        return (
            review("ZoneReport", _ZONES, ZoneReport, self._report, "A zone says how it is."),
            review("ZoneInquiry", _ZONES, ZoneInquirySpec, self._fetch, "A zone asks what it is asked."),
        )

    def completed(self, status: SystemStatus) -> SystemStatus:
        """See `Others.completed`."""
        return msgspec.structs.replace(status, zones=self.book.states())

    async def ask(self, zone: str, kind: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Others.ask`."""
        if self._read.leaf(ResourceId("Zone", "", zone)) is None:
            raise Invalid([Problem("spec.zone", f"there is no zone {zone}")])
        try:
            return await self._inquiries.ask(zone, kind, spec)
        except NoAnswer as error:
            raise ApiError(503, "ServiceUnavailable", str(error)) from error

    def answering(self, reviews: Sequence[Review]) -> None:
        """See `Others.answering`: zones ask nothing."""

    def services(self) -> Mapping[str, Coroutine[Any, Any, None]]:
        """See `Others.services`."""
        return {"notice zones that fall silent": self.book.run()}

    async def _report(self, user: User, report: ZoneReport) -> ZoneReportAnswer:
        return ZoneReportAnswer(seconds=self.book.reported(zone_of(user), report))

    async def _fetch(self, user: User, spec: ZoneInquirySpec) -> ZoneInquiryAnswer:
        return await self._inquiries.fetch(zone_of(user), spec)

    def _forget_removed(self, leaves: Iterable[object], read: Read) -> None:
        """A zone that is removed does not come back by what it had: neither certificate nor token."""
        for leaf in leaves:
            if isinstance(leaf, ResourceId) and leaf.kind == "Zone" and read.leaf(leaf) is None:
                name = f"{ZONE_PREFIX}{leaf.name}"
                self._identities.revocations.revoke_proxy(name)
                end_zone_tokens(self._identities.tokens, name)
                log.info("zone removed", zone=leaf.name)
