"""A proxy's identity from a SPIRE agent, followed for as long as the proxy runs."""

from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sekisho.aio.backoff import Backoff
from sekisho.aio.clock import Clock
from sekisho.identity import workload_api
from sekisho.identity.authority import Refused
from sekisho.identity.keys import Credentials, Issued, belongs, key_pem
from sekisho.identity.lifetimes import Life, Lifetimes
from sekisho.identity.rotation import Unavailable
from sekisho.identity.spiffe import peer_identity
from sekisho.identity.workload_api import FIRST_PAUSE, LONGEST_PAUSE, pem_of
from sekisho.kit.clocks import rfc3339

log = structlog.get_logger(__name__)

_SHOWN = 5
"""Identities that a message names, of those that are others'."""


class SpireIdentity:
    """Implements `agent.secrets.Identity`: the certificate and key of now, kept in memory only."""

    def __init__(self, socket: Path, wanted: str, *, clock: Clock, random: Callable[[], float]) -> None:
        """`socket` is the SPIRE agent's; `wanted` the SPIFFE ID, empty for the agent's default one; `random`
        spreads attempts."""
        self._socket = socket
        self._wanted = wanted
        self._clock = clock
        self._backoff = Backoff(random, first=FIRST_PAUSE, limit=LONGEST_PAUSE)
        self._lifetimes = Lifetimes(clock)
        self._held: Credentials | None = None
        self._fault = ""
        self._listeners: list[Callable[[], None]] = []

    @property
    def held(self) -> Credentials | None:
        """The certificate and key of now, if any."""
        return self._held

    def on_renewal(self, listener: Callable[[], None]) -> None:
        """Calls `listener` after each renewal, the first one too."""
        self._listeners.append(listener)

    async def run(self) -> None:
        """Follows the agent through its absences, until cancelled. What was had last stays in use."""
        while True:
            try:
                await self._follow()
            except Unavailable as error:
                self._tell(str(error))
            await self._clock.sleep(self._backoff.next())

    async def _follow(self) -> None:
        async with aclosing(workload_api.svids(self._socket)) as responses:
            async for response in responses:
                try:
                    self._use(credentials(response, self._wanted))
                except Refused as error:  # what follows may be of use: an entry that was missing comes here
                    self._tell(str(error))

    def _use(self, held: Credentials) -> None:
        self._backoff.reset()
        self._fault = ""
        if held.issued == (self._held and self._held.issued):
            return  # it is another identity of this process that changed
        self._held = held
        for listener in self._listeners:
            listener()
        log.info("identity from SPIRE", identity=str(peer_identity(held.issued.leaf())),
                 expires=rfc3339(held.issued.not_after))  # fmt: skip

    def _tell(self, reason: str) -> None:
        """Why there is none now, once; and at the steps of its life what is left of the one in use."""
        if reason != self._fault:
            self._fault = reason
            log.warning(
                "no identity from SPIRE", socket=str(self._socket), wanted=self._wanted, reason=reason
            )
        if self._held:
            issued = self._held.issued
            name = f"identity {self._wanted or peer_identity(issued.leaf())} from SPIRE"
            self._lifetimes.look([Life(name, issued.not_before, issued.not_after)])


def credentials(response: Any, wanted: str = "") -> Credentials:
    """The identity of a response that is called `wanted`; without a name the first, which is the default one
    (SPIFFE Workload API, section 6.2.1). Raises Refused.

    A SPIRE agent has all identities ready whose entries pick the calling process: for the agent of a host,
    those of each of its workloads.
    """
    svid = _chosen(response.svids, wanted)
    try:
        key = serialization.load_der_private_key(svid.x509_svid_key, password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise Refused("the key of the identity is not of an elliptic curve: set SPIRE's key type to EC")
        made = Credentials(key_pem(key), Issued.of(pem_of(svid.x509_svid), pem_of(svid.bundle)))
        identity = peer_identity(made.issued.leaf())
    except (ValueError, TypeError) as error:
        raise Refused(f"the SPIRE agent's answer is unusable: {error}") from error
    if str(identity) != svid.spiffe_id or not belongs(made.key, made.issued.leaf()):
        raise Refused(f"the SPIRE agent's answer is for {identity}, or for another key")
    return made


def _chosen(svids: Any, wanted: str) -> Any:
    if not svids:
        raise Refused("the SPIRE agent knows no identity for this process")
    if not wanted:
        return svids[0]
    for svid in svids:
        if svid.spiffe_id == wanted:
            return svid
    others = [svid.spiffe_id for svid in svids]
    more = f", and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
    raise Refused(
        f"the SPIRE agent has no identity {wanted} for this process, only {', '.join(others[:_SHOWN])}{more}"
        ": register an entry of that SPIFFE ID whose selectors pick this process"
    )
