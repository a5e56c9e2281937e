"""The global control plane's side: what the zones tell it, what it tells them, and which of them are there.

A process makes one `Federation` over its store, runs `run()` beside its other services, and mounts
`endpoints.Endpoints(federation, caller)` at `wire.PATH` of its API server.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import structlog

from sekisho.aio.clock import Clock
from sekisho.aio.repeats import Repeats
from sekisho.federation.acceptance import FromZone, Held
from sekisho.federation.feed import DownView, Feed, document_of, enabled_zones
from sekisho.federation.intake import Intake, Taken
from sekisho.federation.journal import Journal
from sekisho.federation.member import Member
from sekisho.federation.messages import Answer, Refused, Report, Upload
from sekisho.federation.quota import DEFAULT, REQUEST, STREAM, Pace, Quota, TooFast
from sekisho.federation.table import FROM_ZONES, labels_of
from sekisho.federation.zone_status import (
    Status,
    change_status,
    held_in,
    is_agreed,
    with_condition,
    with_held,
    with_report,
    with_room,
    zone_id,
)
from sekisho.kit.clocks import rfc3339
from sekisho.model.origin import origin_zone
from sekisho.store.protocol import (
    Event,
    EventType,
    Expired,
    NotFound,
    Record,
    StorageFull,
    Store,
    StoreFailed,
)

log = structlog.get_logger(__name__)

WRITE_EVERY = 60.0
"""Seconds between writes of a token that moved on with nothing of interest: what it saves is small."""
RETRY = 5.0
"""Seconds until a write is tried again that the store did not take."""
SILENCE = 20.0
"""Seconds after which a zone that says nothing is taken for gone: it reports every 5."""


class NotAMember(Exception):
    """There is no such zone, or it is disabled."""


class OutOfStep(Exception):
    """What the zone sent does not follow what we hold; it asks again where we are."""


class NotReady(Exception):
    """The control plane has only just begun."""


class Federation:
    """All zones of one global control plane."""

    def __init__(self, store: Store, clock: Clock, name: Callable[[], str], quota: Quota = DEFAULT) -> None:
        """`name` makes up names that nobody can have thought of before: `lambda: token_hex(8)`.

        `quota`: the bounds of each zone.
        """
        self._quota = quota
        self._store = store
        self._clock = clock
        self._repeats = Repeats(clock)
        self._name = name
        self._journal = Journal(store)
        self._members: dict[str, Member] = {}
        self._ready = asyncio.Event()

    async def run(self) -> None:
        """Begins an epoch, then follows the Zones until it is cancelled. Requests before that are refused.

        A store that takes no writes only delays it.
        """
        await self._persist(partial(self._journal.open, self._name))
        listing = await self._store.list(("Zone",))
        for record in listing.records:
            await self._say(
                record.id.name, (False, "Disconnected", "nothing was heard of it since our start")
            )
        await self._persist(partial(self._forget_removed, listing.records))
        self._ready.set()
        await self._follow(listing.revision)

    async def _persist(self, work: Callable[[], Awaitable[None]]) -> None:
        """Again and again, until the store takes it."""
        while True:
            try:
                await work()
            except (StorageFull, StoreFailed) as error:
                log.error("federation waits for the store", reason=str(error))
                await self._clock.sleep(RETRY)
            else:
                return

    async def stop(self) -> None:
        """Ends the streams to all zones; they come again, and find another control plane or none."""
        for member in self._members.values():
            await member.end_listening()

    def is_connected(self, zone: str) -> bool:
        """Whether it listens now."""
        member = self._members.get(zone)
        return member is not None and bool(member.listeners)

    def is_silent(self, zone: str) -> bool:
        """Whether it has said nothing for so long that it is taken for gone."""
        member = self._members.get(zone)
        return member is None or self._clock.monotonic() - member.heard > SILENCE

    def lag(self, zone: str) -> float:
        """Seconds since it was told the oldest change that it has not said to have heard; 0 for none."""
        member = self._members.get(zone)
        return member.lag(self._clock.monotonic()) if member else 0.0

    def told(self, zone: str, token: str) -> None:
        """Changes up to there are on their way to it."""
        if member := self._members.get(zone):
            member.tell(token, self._clock.monotonic())

    @asynccontextmanager
    async def listening(self, zone: str, since: str, *, listing: bool = False) -> AsyncIterator[Feed]:
        """What is told to a zone from the token `since` on; `listing` tells everything.

        The feed ends with the zone, when it is disabled, and when the zone comes a second time. Raises
        NotReady, NotAMember and TooFast.
        """
        member = await self._member(zone)
        member.pace.begin(STREAM, self._clock.monotonic())
        zones = (await self._store.list(("Zone",))).records
        feed = Feed(self._store, self._journal.remembered.epochs, DownView(zone, enabled_zones(zones)))
        await feed.start(since, listing=listing)
        await member.end_listening()
        member.listeners.add(feed)
        member.unheard.clear()
        log.info("zone connected", zone=zone)
        await self._say(zone, (True, "Connected", "its control plane listens"))
        try:
            yield feed
        finally:
            member.listeners.discard(feed)
            await feed.close()
            log.info("zone disconnected", zone=zone)
            if not member.listeners:
                await self._say(zone, (False, "Disconnected", "its control plane is not connected"))

    async def held(self, zone: str) -> Answer:
        """Up to where we hold what a zone told. Raises NotReady, NotAMember and TooFast."""
        member = await self._member(zone)
        member.pace.begin(REQUEST, self._clock.monotonic())
        async with member.turn:
            member.intake.begin_anew()
            member.session = self._name()
            listing = await member.intake.wants_listing()
            return Answer(
                token=member.intake.held.token, session=member.session, listing=listing, now=self._time()
            )

    @asynccontextmanager
    async def uploading(self, zone: str) -> AsyncIterator[None]:
        """While a zone sends something to `take`: asked before a byte of it is read.

        Raises NotReady, NotAMember and TooFast.
        """
        member = await self._member(zone)
        if member.under_way >= self._quota.at_once:
            raise TooFast(1.0)
        member.pace.begin(REQUEST, self._clock.monotonic())
        member.under_way += 1
        try:
            yield
        finally:
            member.under_way -= 1

    async def take(self, zone: str, upload: Upload) -> Answer:
        """What a zone tells. Raises NotReady, NotAMember, OutOfStep, StorageFull and StoreFailed."""
        member = await self._member(zone)
        member.pace.count(len(upload.batch.puts) + len(upload.batch.gone))
        async with member.turn:
            if (upload.session, upload.after) != (member.session, member.intake.held.token):
                raise OutOfStep
            member.has_heard(upload.heard)
            sender = FromZone(zone, await self._trust())
            before = member.intake.held
            taken = await member.intake.take(upload.batch, sender)
            for refused in taken.refused:
                if (more := self._repeats.news((zone, refused.id))) is not None:
                    told = {"resource": str(refused.id), "reason": refused.why}
                    log.warning("refused of a zone", zone=zone, **told, **more)
            is_news = taken.changed > 0 or taken.held.kept != before.kept or bool(upload.batch.listing)
            is_news |= bool(taken.refused)
            await self._note(zone, member, upload.report, is_news=is_news)
            if not upload.batch.listing and await member.intake.wants_listing():
                raise OutOfStep  # what was in the way is gone
            refusals = (*taken.refused, *_in_conflict(taken))
            return Answer(token=taken.held.token, refused=refusals, now=self._time())

    def _time(self) -> str:
        return rfc3339(self._clock.now())

    async def _note(self, zone: str, member: Member, report: Report | None, *, is_news: bool) -> None:
        """Into the Zone's status: what it says, and up to where we hold it, not more often than of use."""
        now, held = self._clock.monotonic(), member.intake.held
        is_due = is_news or now - member.written >= WRITE_EVERY
        news = report if report != member.report else None
        if not is_due and news is None:
            return

        def told(status: Status) -> Status:
            moment = self._clock.now()
            if is_due:
                status = with_room(with_held(status, held, moment), member.intake.turned_away, moment)
            return with_report(status, news, moment) if news is not None else status

        await self._change(zone, told)
        member.report = report or member.report
        member.written = now if is_due else member.written

    async def _member(self, zone: str) -> Member:
        """A zone that may speak and listen."""
        if not self._ready.is_set():
            raise NotReady
        try:
            record = await self._store.get(zone_id(zone))
        except NotFound as error:
            raise NotAMember from error
        if not enabled_zones([record]):
            raise NotAMember
        now = self._clock.monotonic()
        if zone not in self._members:
            intake = self._intake(document_of(record).get("status") or {})
            self._members[zone] = self._new(intake)
        member = self._members[zone]
        member.heard = now
        return member

    def _new(self, intake: Intake) -> Member:
        now = self._clock.monotonic()
        return Member(intake, now, now, Pace(self._quota, now))

    def _intake(self, status: Mapping[str, Any]) -> Intake:
        return Intake(self._store, held_in(status), self._name, self._quota)

    async def _trust(self) -> Mapping[str, AbstractSet[str]]:
        """Whose the trust domains are; empty text for our own."""
        owners: dict[str, set[str]] = {}
        for record in (await self._store.list(("MeshTrust",))).records:
            owners.setdefault(document_of(record)["spec"]["trustDomain"], set()).add(_origin(record))
        return owners

    async def _follow(self, revision: int) -> None:
        while True:
            watch = self._store.watch(("Zone",), None, revision)
            try:
                async for events in watch:
                    for event in events:
                        await self._persist(partial(self._turn, event))
            except Expired:  # whatever we missed, the present says all of it
                listing = await self._store.list(("Zone",))
                revision = listing.revision
                await self._persist(partial(self._forget_removed, listing.records))
                for record in listing.records:
                    await self._persist(partial(self._turn, Event(EventType.MODIFIED, record)))
            else:
                return  # the store was closed
            finally:
                await watch.aclose()

    async def _turn(self, event: Event) -> None:
        """A zone that was removed, disabled, or for which somebody agreed to deletions."""
        zone = event.record.id.name
        if event.type is EventType.DELETED:
            await self._forget(zone)
            return
        member = self._members.get(zone)
        if member is not None and not enabled_zones([event.record]):
            await member.end_listening()
        document = document_of(event.record)
        if is_agreed(document, held_in(document.get("status") or {}).confirmation):
            await self._agree(zone)

    async def _agree(self, zone: str) -> None:
        try:
            member = await self._member(zone)
        except NotAMember:
            return
        async with member.turn:
            taken = await member.intake.agree(FromZone(zone, {}))
            log.info("copies deleted that a restored zone did not list", zone=zone, number=taken.changed)
            await self._note(zone, member, None, is_news=True)

    async def _forget(self, zone: str) -> None:
        """Deletes all that came from a zone that is no more, or is another one of that name.

        That other one has perhaps begun to speak: it begins anew. Its token goes before the copies do: with a
        crash in between it tells everything once more.
        """
        member = self._members.setdefault(zone, self._new(self._intake({})))
        await member.end_listening()
        async with member.turn:
            member.session = ""  # whatever of it is under way is out of step
            await self._change(zone, lambda status: with_held(status, Held(), self._clock.now()))
            number = await member.intake.forget(FromZone(zone, {}))
        self._members.pop(zone, None)
        log.info("zone removed", zone=zone, copies=number)

    async def _forget_removed(self, zones: Iterable[Record]) -> None:
        """What was left when zones were removed while nobody looked; `zones` are those there are."""
        heard = {zone.id.name for zone in zones if held_in(document_of(zone).get("status") or {}).token}
        records = (await self._store.list(FROM_ZONES)).records
        for zone in sorted({_origin(record) for record in records}.difference(heard, [""])):
            await self._forget(zone)

    async def _say(self, zone: str, told: tuple[bool, str, str]) -> None:
        """Whether it is connected; for people, so that a full disk is in nobody's way."""
        try:
            await self._change(
                zone, lambda status: with_condition(status, "Connected", told, self._clock.now())
            )
        except (StorageFull, StoreFailed) as error:
            log.warning("the status of a zone was not written", zone=zone, reason=str(error))

    async def _change(self, zone: str, change: Callable[[Status], Status]) -> None:
        await change_status(self._store, zone, change)


def _origin(record: Record) -> str:
    return origin_zone(labels_of(document_of(record)))


def _in_conflict(taken: Taken) -> tuple[Refused, ...]:
    why = "something of the global control plane's own is called so"
    return tuple(Refused(id=id, why=why) for id in sorted(taken.held.conflicts))
