"""When a certificate is renewed, and the task that does it for as long as it runs."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from random import Random

import structlog

from sekisho.aio.backoff import Backoff
from sekisho.aio.clock import Clock
from sekisho.identity.authority import Refused
from sekisho.identity.keys import Issued

log = structlog.get_logger()

SECOND = timedelta(seconds=1)
HALF, SPREAD = 0.5, 0.1
"""Renewed at half of its life, give or take a tenth of it, so that a fleet started at once spreads out."""
LONGEST_SLEEP = 60.0
"""Seconds. The wall clock is read again after it: a suspended host, or a clock that was set, is noticed."""
FIRST_RETRY, LONGEST_RETRY = 0.2, 30.0
"""Seconds between attempts while the authority does not answer, doubling, each with up to half less."""


class Unavailable(Exception):
    """The authority cannot be asked now; later it may be."""


def renewal_moment(start: datetime, end: datetime, random: Random) -> datetime:
    """When to renew: at 50 % ± 10 % of the time from `start` to `end`."""
    return start + (end - start) * (HALF + random.uniform(-SPREAD, SPREAD))


async def keep_renewed(
    issued: Issued,
    renew: Callable[[], Awaitable[Issued]],
    *,
    clock: Clock,
    random: Random,
    sleep: Callable[[float], Awaitable[None]] | None = None,
) -> None:
    """Calls `renew` whenever the certificate at hand comes to its moment; runs until it is cancelled.

    `renew` puts the new certificate to use and returns it. When it raises Refused or Unavailable the old one
    stays in use and `renew` is called again, soon at first and then twice a minute; `sleep`: see
    `until_issued`.
    """
    start = issued.not_before
    while True:
        moment = renewal_moment(start, issued.not_after, random)
        while (left := (moment - clock.now()) / SECOND) > 0:
            await clock.sleep(min(left, LONGEST_SLEEP))
        issued = await until_issued(renew, clock=clock, random=random, sleep=sleep)
        # From here and not from NotBefore: it lies minutes back, which is much of a short life.
        start = clock.now()
        await clock.sleep(FIRST_RETRY)  # an authority whose certificates have ended already is not hammered


async def until_issued(
    obtain: Callable[[], Awaitable[Issued]],
    *,
    clock: Clock,
    random: Random,
    longest: float = LONGEST_RETRY,
    sleep: Callable[[float], Awaitable[None]] | None = None,
) -> Issued:
    """The first certificate that `obtain` returns; asked again while it raises Refused or Unavailable, after
    `longest` seconds at most. `sleep` waits in the place of the clock, and perhaps not as long: who hears
    that the authority is back need not wait."""
    backoff = Backoff(random.random, first=FIRST_RETRY, limit=longest)
    while True:
        try:
            return await obtain()
        except (Refused, Unavailable) as error:
            wait = backoff.next()
            log.warning("no certificate", reason=str(error), next_attempt_seconds=round(wait, 1))
        await (sleep or clock.sleep)(wait)
