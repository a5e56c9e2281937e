"""A proxy's keys and certificates: made on this host, kept in private files, renewed while it runs."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Protocol

import msgspec
import structlog

from sekisho.aio.clock import Clock
from sekisho.aio.tasks import run_until
from sekisho.identity.authority import BACKDATED, Refused
from sekisho.identity.files import write_private
from sekisho.identity.keys import Credentials, Issued, belongs, new_key, signing_request
from sekisho.identity.lifetimes import Life, Lifetimes
from sekisho.identity.rotation import LONGEST_RETRY, keep_renewed, until_issued
from sekisho.identity.secret import Secret
from sekisho.identity.spiffe import peer_identity
from sekisho.kit.clocks import in_words, is_harmful, minutes_ahead, rfc3339

log = structlog.get_logger()

OUTDATED_SPREAD = 3.0
"""Seconds over which the proxies of a mesh spread that are all told at once to renew."""


class Purpose(StrEnum):
    """What a certificate is for."""

    CONTROL = "control"
    """The proxy shows it to the control plane; it names the proxy."""
    TRAFFIC = "traffic"
    """The proxy shows it to other proxies (X.509-SVID); it names the account, as the mesh says."""


class Signer(Protocol):
    """Whoever gets certificates for the proxies of this host."""

    async def sign(self, request: bytes, proxy: str, purpose: Purpose = Purpose.CONTROL) -> Issued:
        """A certificate for a signing request (PEM) and a proxy (`gateway/<namespace>/<name>`).

        Raises `identity.authority.Refused` when it is not given, `identity.rotation.Unavailable` when nobody
        can be asked now.
        """
        ...


class _Stored(msgspec.Struct, frozen=True):
    key: str
    chain: str
    bundle: str


class Keys:
    """The credentials by which one proxy is known to the control plane, or to other proxies."""

    def __init__(
        self,
        file: Path,
        proxy: str,
        signer: Signer,
        *,
        clock: Clock,
        random: Random,
        purpose: Purpose = Purpose.CONTROL,
        longest_retry: float = LONGEST_RETRY,
    ) -> None:
        """`file` (0600) is read at once: with it, a restart needs no authority. Without a certificate,
        `longest_retry` seconds are the most until it is asked for again."""
        self._file = file
        self._proxy = proxy
        self._purpose = purpose
        self._signer = signer
        self._clock = clock
        self._random = random
        self._longest_retry = longest_retry
        self._credentials = self._load()
        self._present = asyncio.Event()
        self._outdated = asyncio.Event()
        self._hurried = asyncio.Event()
        self._listeners: list[Callable[[], None]] = []
        self._lifetimes = Lifetimes(clock)
        if self._credentials:
            self._present.set()

    @property
    def held(self) -> Credentials | None:
        """The credentials at hand, if any."""
        return self._credentials

    @property
    def issued(self) -> Issued | None:
        """The certificate at hand, if any."""
        return self._credentials.issued if self._credentials else None

    async def credentials(self) -> Credentials:
        """The credentials of now; waits for the first ones."""
        await self._present.wait()
        assert self._credentials  # noqa: S101  set before the event is
        return self._credentials

    def on_renewal(self, listener: Callable[[], None]) -> None:
        """Calls `listener` after each renewal."""
        self._listeners.append(listener)

    async def run(self) -> None:
        """Gets the first certificate unless there is a good one, and renews it, until cancelled."""
        issued = self.issued or await self._first()
        while True:
            keeping = keep_renewed(
                issued, self._renew, clock=self._clock, random=self._random, sleep=self._pause
            )
            await run_until(self._outdated, {f"{self._proxy}: renew": keeping})
            self._outdated.clear()
            await self._clock.sleep(self._random.uniform(0, OUTDATED_SPREAD))
            issued = await self._first()

    async def _first(self) -> Issued:
        return await until_issued(
            self._renew,
            clock=self._clock,
            random=self._random,
            longest=self._longest_retry,
            sleep=self._pause,
        )

    def hurry(self) -> None:
        """Whoever signs can be asked again: a certificate that could not be had is asked for soon."""
        self._hurried.set()

    async def _pause(self, seconds: float) -> None:
        """Until the next attempt, or soon after it is said that it may succeed."""
        self._hurried.clear()
        if issued := self.issued:
            name = f"{self._purpose} certificate of {self._proxy}"
            self._lifetimes.look([Life(name, issued.not_before, issued.not_after)])
        over = {asyncio.ensure_future(one) for one in (self._clock.sleep(seconds), self._hurried.wait())}
        try:
            await asyncio.wait(over, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in over:
                one.cancel()
        if self._hurried.is_set():
            await self._clock.sleep(self._random.uniform(0, min(seconds, OUTDATED_SPREAD)))

    def renew_before(self, moment: datetime) -> None:
        """Renews at once, and not at its usual time, a certificate that was signed before this moment."""
        issued = self.issued
        if issued is not None and issued.not_before + BACKDATED < moment:
            self._outdated.set()

    async def _renew(self) -> Issued:
        key = new_key()  # a new one each time: a key that leaked is good for no longer than its certificate
        issued = await self._signer.sign(signing_request(key), self._proxy, self._purpose)
        self._check(key, issued)
        self._credentials = Credentials(key, issued)
        self._save(self._credentials)
        self._present.set()
        for listener in self._listeners:
            listener()
        self._compare_clocks(issued)
        log.info(
            "certificate issued",
            proxy=self._proxy,
            purpose=self._purpose,
            expires=rfc3339(issued.not_after),
        )
        return issued

    def _compare_clocks(self, issued: Issued) -> None:
        """A certificate says when it was signed, by the clock of who signed it."""
        apart = minutes_ahead(self._clock.now(), issued.not_before + BACKDATED)
        if is_harmful(apart):
            told = in_words(apart, "that of the authority")
            log.warning("clocks differ", proxy=self._proxy, what=f"the clock of this host is {told}")

    def _check(self, key: Secret[bytes], issued: Issued) -> None:
        leaf = issued.leaf()
        try:
            identity = peer_identity(leaf)
        except ValueError as error:
            raise Refused(f"the authority's answer is unusable: {error}") from error
        # Whom the mesh takes the proxy for is the registration's business, and not known here.
        named = self._purpose is Purpose.TRAFFIC or identity.covers(self._proxy)
        if not belongs(key, leaf) or not named:
            raise Refused(f"the authority's answer is for {identity}, or for another key")

    def _save(self, credentials: Credentials) -> None:
        issued = credentials.issued
        stored = _Stored(credentials.key.reveal().decode(), issued.chain.decode(), issued.bundle.decode())
        try:
            write_private(self._file, msgspec.json.encode(stored))
        except OSError as error:  # it is good in memory; only a restart without the authority would miss it
            log.error("certificate not stored", proxy=self._proxy, reason=str(error))

    def _load(self) -> Credentials | None:
        try:
            stored = msgspec.json.decode(self._file.read_bytes(), type=_Stored)
            key, issued = (
                Secret(stored.key.encode()),
                Issued.of(stored.chain.encode(), stored.bundle.encode()),
            )
            self._check(key, issued)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, Refused) as error:
            log.warning("stored certificate is not used", proxy=self._proxy, reason=str(error))
            return None
        return Credentials(key, issued) if issued.not_after > self._clock.now() else None
