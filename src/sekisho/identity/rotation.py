"""When a certificate is renewed, and the task that does it for as long as it runs."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from random import Random

import structlog

from sekisho.identity.authority import Refused
from sekisho.identity.keys import Issued

log = structlog.get_logger()

HALF, SPREAD = 0.5, 0.1
"""Renewed at half of its life, give or take a tenth of it, so that a fleet started at once spreads out."""
LONGEST_SLEEP = 60.0
"""Seconds. The wall clock is read again after it: a suspended host, or a clock that was set, is noticed."""
FIRST_RETRY, LONGEST_RETRY = 1.0, 300.0
"""Seconds between attempts while the authority does not answer, doubling, each with up to half less."""


class Unavailable(Exception):
    """The authority cannot be asked now; later it may be."""


def renewal_moment(issued: Issued, random: Random) -> datetime:
    """When to renew: at 50 % ± 10 % of the time between NotBefore and NotAfter."""
    share = HALF + random.uniform(-SPREAD, SPREAD)
    return issued.not_before + (issued.not_after - issued.not_before) * share


async def keep_renewed(
    issued: Issued,
    renew: Callable[[], Awaitable[Issued]],
    *,
    random: Random,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Calls `renew` whenever the certificate at hand comes to its moment; runs until it is cancelled.

    `renew` puts the new certificate to use and returns it. When it raises Refused or Unavailable the old one
    stays in use and `renew` is called again, sooner at first and then every few minutes.
    """
    while True:
        moment = renewal_moment(issued, random)
        while (left := (moment - now()) / timedelta(seconds=1)) > 0:
            await sleep(min(left, LONGEST_SLEEP))
        issued = await _until_renewed(issued, renew, random, now, sleep)


async def _until_renewed(
    issued: Issued,
    renew: Callable[[], Awaitable[Issued]],
    random: Random,
    now: Callable[[], datetime],
    sleep: Callable[[float], Awaitable[None]],
) -> Issued:
    wait = FIRST_RETRY
    while True:
        try:
            return await renew()
        except (Refused, Unavailable) as error:
            left = (issued.not_after - now()) / timedelta(seconds=1)
            log.warning("certificate not renewed", reason=str(error), seconds_left=round(left))
        await sleep(wait * random.uniform(0.5, 1.0))
        wait = min(wait * 2, LONGEST_RETRY)
