"""A zone's side: keeps the link to the global control plane, and mirrors what crosses in both directions.

A process makes one `ZoneLink` over its store and runs `run()` beside its other services; the zone works the
same whether or not global can be reached.
"""

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

import msgspec
import structlog

from sekisho.aio.backoff import Backoff
from sekisho.aio.clock import Clock
from sekisho.aio.tasks import run_until
from sekisho.federation.acceptance import FromGlobal, Held
from sekisho.federation.feed import Ended, Feed, UpView, document_of
from sekisho.federation.intake import Intake, Taken
from sekisho.federation.journal import Journal
from sekisho.federation.link import Link, LinkFailed
from sekisho.federation.messages import LONGEST_TEXT, MOST_TOLD, Answer, Batch, Refused, Report, Upload
from sekisho.federation.zone_status import is_agreed, zone_id
from sekisho.kit.clocks import in_words, is_harmful, minutes_ahead
from sekisho.model.names import ResourceId
from sekisho.store.protocol import NotFound, StorageFull, Store, StoreFailed

log = structlog.get_logger(__name__)

FIRST_WAIT = 0.1
LONGEST_WAIT = 2.0
"""Bounds of the seconds between attempts: a healed link is used within these."""
REPORT_EVERY = 5.0
"""Seconds after which global is told how we are, when there is nothing else to tell."""
WRITE_EVERY = 60.0
"""Seconds between writes of a token that moved on with nothing of interest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkState:
    """How the link is. A value: each change makes another one."""

    connected: bool = False
    """Whether global tells us its changes now."""
    since: datetime | None = None
    """When that became so."""
    last_sync: datetime | None = None
    """When a change last came or went."""
    held: Held = Held()  # noqa: RUF009 - a frozen value
    """What we remember of global: token, conflicts, and the copies kept until somebody agrees."""
    acknowledged: str = ""
    """The token of what global holds of us."""
    refused: tuple[Refused, ...] = ()
    """What of global's we did not take."""
    refused_there: tuple[Refused, ...] = ()
    """What of ours global did not take."""
    error: str = ""
    """Why the link is not connected; for people."""
    minutes_ahead: int = 0
    """How far our clock is ahead of global's; below 0 when it is behind."""


class ZoneLink:
    """One zone's link to its global control plane."""

    def __init__(  # noqa: PLR0913 - what a process has one of, each
        self,
        url: str,
        context: Callable[[], ssl.SSLContext],
        store: Store,
        zone: str,
        clock: Clock,
        *,
        name: Callable[[], str],
        random: Callable[[], float],
        server_name: str = "",
    ) -> None:
        """`url` is of global's API, without a path. `context` is asked at each connection, so that it gives
        the newest certificate. `name` makes up names that nobody can have thought of before; `random` draws
        from [0, 1). `server_name`: see `Link`.
        """
        self._url = url
        self._context = context
        self._server_name = server_name
        self._store = store
        self._zone = zone
        self._clock = clock
        self._name = name
        self._sender = FromGlobal(zone)
        self._journal = Journal(store)
        self._intake = Intake(store, Held(), name)
        self._backoff = Backoff(random, first=FIRST_WAIT, limit=LONGEST_WAIT)
        self._refused: dict[ResourceId, Refused] = {}
        self._written = 0.0
        self._wait: asyncio.Timeout | None = None
        self._is_due = False
        """Whether global is to be told without waiting for news."""
        self.state = LinkState()
        """How it is now."""
        self.facts: Callable[[], Report] = Report
        """Says how this control plane is: version, counts of proxies, end of the certificate."""
        self.on_change: Callable[[LinkState], None] = lambda _: None
        """Told every new state."""

    async def run(self) -> None:
        """Connects, mirrors and connects again until it is cancelled; whatever fails, it tries again."""
        while not await self._begun():
            await self._clock.sleep(self._backoff.next())
        self._intake = Intake(self._store, self._journal.remembered.held, self._name)
        self._become(held=self._intake.held)
        while True:
            self._disconnected(await self._session())
            await self._clock.sleep(self._backoff.next())

    async def _begun(self) -> bool:
        try:
            await self._journal.open(self._name)
        except (StorageFull, StoreFailed) as error:
            self._disconnected(str(error))
            return False
        return True

    async def _session(self) -> str:
        """One connection, in both directions; returns why it ended."""
        self._intake.begin_anew()
        stop, why = asyncio.Event(), list[str]()

        async def until_it_fails(direction: Coroutine[Any, Any, None]) -> None:
            try:
                await direction
            except (LinkFailed, StorageFull, StoreFailed) as failure:
                why.append(str(failure))
            except Ended:
                why.append("the store was closed")
            except Exception:
                log.exception("the link failed")  # the zone itself goes on, whatever global says
                why.append("internal error; the log says more")
            finally:
                stop.set()

        link = self._connect()
        try:
            directions = {"from global": self._down(link), "to global": self._up(link)}
            await run_until(stop, {name: until_it_fails(one) for name, one in directions.items()})
        finally:
            await link.close()
        return why[0] if why else "the global control plane ended the connection"

    def _connect(self) -> Link:
        return Link(self._url, self._context(), self._server_name)

    async def _down(self, link: Link) -> None:
        listing = await self._intake.wants_listing()
        async with link.down(self._intake.held.token, listing=listing) as batches:
            async for batch in batches:
                self._connected()
                await self._take(batch)

    async def _take(self, batch: Batch) -> None:
        if not (batch.puts or batch.gone or batch.listing or batch.token):
            return
        taken = await self._intake.take(batch, self._sender)
        if batch.puts or batch.gone:
            self.tell()
        self._note(taken)
        if taken.held.kept and await self._is_agreed(taken.held.confirmation):
            agreed = await self._intake.agree(self._sender)
            log.info("copies deleted that a restored global did not list", number=agreed.changed)
            self._note(agreed)
        await self._remember(taken)

    def _note(self, taken: Taken) -> None:
        for id in taken.named:
            self._refused.pop(id, None)
        for refused in taken.refused:
            log.warning("refused of global", resource=str(refused.id), reason=refused.why)
            self._refused[refused.id] = refused
        for id in sorted(taken.held.conflicts - self.state.held.conflicts):
            log.warning("ours stays, global has another of that name", resource=str(id))
        moment = self._clock.now() if taken.changed else self.state.last_sync
        self._become(held=self._intake.held, refused=tuple(self._refused.values()), last_sync=moment)

    async def _remember(self, taken: Taken) -> None:
        """Not each token of nothing: to hear it again costs less than a write."""
        known, held = self._journal.remembered.held, self._intake.held
        now = self._clock.monotonic()
        if taken.changed or replace(known, token=held.token) != held or now - self._written >= WRITE_EVERY:
            self._written = now
            await self._journal.hold(held)

    async def _is_agreed(self, confirmation: str) -> bool:
        try:
            zone = await self._store.get(zone_id(self._zone))
        except NotFound:
            return False
        return is_agreed(document_of(zone), confirmation)

    async def _up(self, link: Link) -> None:
        answer = await link.held()
        self._compare_clocks(answer)
        feed = Feed(self._store, self._journal.remembered.epochs, UpView(self._zone))
        try:
            await feed.start(answer.token, listing=answer.listing)
            session, after = answer.session, answer.token
            self.tell()  # at first
            while True:
                batch = await self._next(feed)
                upload = Upload(
                    batch=batch,
                    session=session,
                    after=after,
                    report=self._report(),
                    heard=self._intake.held.token,
                )
                answer = await link.up(upload)
                self._compare_clocks(answer)
                after = answer.token
                is_news = bool(batch.puts or batch.gone)
                moment = self._clock.now() if is_news else self.state.last_sync
                self._become(acknowledged=after, refused_there=answer.refused, last_sync=moment)
                if await self._intake.wants_listing() and self.state.connected:
                    return  # what was in the way is gone: ask for everything
        finally:
            await feed.close()

    def _compare_clocks(self, answer: Answer) -> None:
        """Global hears of it with the next report, people when it begins to matter and when it ends."""
        try:
            apart = minutes_ahead(self._clock.now(), datetime.fromisoformat(answer.now))
        except (ValueError, TypeError):
            return  # an older global says nothing of its clock
        if is_harmful(apart) and not is_harmful(self.state.minutes_ahead):
            told = in_words(apart, "that of the global control plane")
            log.warning("clocks differ at the link", what=f"the clock of this host is {told}", url=self._url)
        elif is_harmful(self.state.minutes_ahead) and not is_harmful(apart):
            log.info("clocks agree again", url=self._url)
        self._become(minutes_ahead=apart)

    def tell(self) -> None:
        """Has global told at once how we are, and not when it is time for it."""
        self._is_due = True
        if self._wait is not None and not self._wait.expired():
            self._wait.reschedule(asyncio.get_running_loop().time())

    async def _next(self, feed: Feed) -> Batch:
        """The next batch, or where we are when nothing happens until it is time to report."""
        patience, self._is_due = (0.0 if self._is_due else REPORT_EVERY), False
        try:
            async with asyncio.timeout(patience) as self._wait:
                return await feed.next()
        except TimeoutError:
            self._is_due = False
            return Batch(token=feed.token)
        finally:
            self._wait = None

    def _report(self) -> Report:
        state = self.state
        return msgspec.structs.replace(
            self.facts(),
            conflicts=_some(map(str, sorted(state.held.conflicts))),
            refused=_some(f"{one.id}: {one.why}" for one in state.refused),
            kept=_some(map(str, sorted(state.held.kept))),
            confirmation=state.held.confirmation,
            minutes_ahead=state.minutes_ahead,
        )

    def _connected(self) -> None:
        if not self.state.connected:
            self._backoff.reset()
            log.info("connected to the global control plane", url=self._url)
            self._become(connected=True, since=self._clock.now(), error="")

    def _disconnected(self, error: str) -> None:
        if self.state.connected:
            self._become(connected=False, since=self._clock.now())
        if self.state.error != error:
            log.warning("not connected to the global control plane", url=self._url, reason=error)
            self._become(error=error)

    def _become(self, **changes: Any) -> None:
        state = replace(self.state, **changes)
        if state != self.state:
            self.state = state
            self.on_change(state)


def _some(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(text[:LONGEST_TEXT] for text in islice(texts, MOST_TOLD))
