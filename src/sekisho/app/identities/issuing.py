"""Certificates for proxies and zones: for whom, in which name, and to whom they are handed out."""

from datetime import timedelta

import structlog
from cryptography.hazmat.primitives.serialization import Encoding

from sekisho.aio.clock import Clock
from sekisho.aio.repeats import Repeats
from sekisho.api import User
from sekisho.api.errors import ApiError, forbidden
from sekisho.app.identities.brought import Brought
from sekisho.app.zones.peers import DISABLED_ROLE, MEMBER_ROLE, ZONE_PREFIX, ZonePeers
from sekisho.client.credentials import CertificateAnswer, CertificateRequestSpec
from sekisho.control.trust import Trusts
from sekisho.engine import Read
from sekisho.identity.authority import LEAF_LIFETIME, PROXY_LIFETIME, Authority, Refused, Registration
from sekisho.identity.keys import Issued
from sekisho.identity.ledger import Holder
from sekisho.identity.peer import Peer
from sekisho.identity.spiffe import SpiffeId
from sekisho.identity.tokens import Role, Tokens, covers
from sekisho.kit.clocks import rfc3339
from sekisho.model.names import ResourceId
from sekisho.model.problems import Invalid, Problem
from sekisho.translate.gateway.classes import serves
from sekisho.translate.mesh.issuers import Issuance, issuance

log = structlog.get_logger(__name__)

CONTROL, TRAFFIC = "control", "traffic"
LONGEST_INSTANCE = 253
_GOOD_ONCE = frozenset({Role.JOIN.value, Role.ZONE.value})
_ZONES = frozenset({Role.ZONE.value, MEMBER_ROLE, DISABLED_ROLE})
_KINDS = {"gateway": "Gateway", "workload": "Workload"}


class Issuing:
    """Answers CertificateRequests. Names come from what is registered, never from the request."""

    def __init__(
        self,
        read: Read,
        authority: Authority,
        trusts: Trusts,
        tokens: Tokens,
        zones: ZonePeers | None,
        clock: Clock,
    ) -> None:
        """`authority` is the control plane's own, by which proxies and zones are known to it."""
        self._read = read
        self._authority = authority
        self._trusts = trusts
        self._tokens = tokens
        self._zones = zones
        self._brought = Brought(read)
        self._repeats = Repeats(clock)

    async def answer(self, user: User, spec: CertificateRequestSpec) -> CertificateAnswer:
        """Raises Invalid, and ApiError 403 for a proxy that the user does not speak for."""
        asked = {
            "proxy": spec.proxy[:LONGEST_INSTANCE], "purpose": spec.purpose[:LONGEST_INSTANCE],
            "by": user.name, "token": user.token,
        }  # fmt: skip
        try:
            issued = await self._allowed(user, spec)
        except (ApiError, Invalid) as refusal:
            proxy = spec.proxy if _speaks_for(user, spec.proxy) else ""
            if (more := self._repeats.news((user.name, user.token, proxy))) is not None:
                log.warning("certificate refused", **asked, reason=_reason(refusal), **more)
            raise
        if user.roles & _GOOD_ONCE:
            log.info("proxy joined", **asked, instance=spec.instance)
        expires = rfc3339(issued.not_after)
        serial = f"{issued.serial:x}"
        log.info("certificate issued", **asked, instance=spec.instance, serial=serial, expires=expires)
        return CertificateAnswer(
            certificate=issued.chain.decode(), bundle=issued.bundle.decode(), expires=expires
        )

    async def _allowed(self, user: User, spec: CertificateRequestSpec) -> Issued:
        if not _speaks_for(user, spec.proxy):
            raise forbidden(f'User "{user.name}" does not speak for {spec.proxy[:LONGEST_INSTANCE]}')
        try:
            if spec.proxy.startswith(ZONE_PREFIX):
                issued = await self._for_zone(user, spec)
            else:
                issued = await self._issued(user, spec, self._registered(spec))
        except (Refused, ValueError) as cause:
            raise Invalid([Problem("spec.csr", str(cause))]) from cause
        if user.roles & _GOOD_ONCE and not self._tokens.spend(user.token):
            raise forbidden("this token is good once, and was used already")
        return issued

    async def _for_zone(self, user: User, spec: CertificateRequestSpec) -> Issued:
        if self._zones is None or not self._zones.exists(spec.proxy.removeprefix(ZONE_PREFIX)):
            raise Invalid([Problem("spec.proxy", f"there is no {spec.proxy.replace('/', ' ')} here")])
        if spec.purpose != CONTROL:
            raise Invalid([Problem("spec.purpose", f"expected {CONTROL}")])
        identity = SpiffeId.make(self._authority.trust_domain, spec.proxy)
        registration = Registration(identity, token=user.token)
        issued = await self._authority.issue(spec.csr.encode(), registration, LEAF_LIFETIME)
        # A revocation, or another Zone of the name, counts for the whole second that it happened in.
        if refusal := self._zones.refusal(Peer.of(issued.leaf().public_bytes(Encoding.DER))):
            raise Refused(refusal)
        return issued

    def _registered(self, spec: CertificateRequestSpec) -> ResourceId:
        """The resource that makes a proxy one of ours. Raises Invalid."""
        role, *rest = spec.proxy.split("/")
        if role not in _KINDS or len(rest) != 2:  # noqa: PLR2004 - namespace and name
            problem = "expected gateway/<namespace>/<name> or workload/<namespace>/<name>"
            raise Invalid([Problem("spec.proxy", problem)])
        if len(spec.instance) > LONGEST_INSTANCE or not spec.instance.isprintable():
            raise Invalid([Problem("spec.instance", f"expected at most {LONGEST_INSTANCE} characters")])
        member = ResourceId(_KINDS[role], *rest)
        if not is_proxy(self._read, member):
            kind = "Gateway of a class of ours" if member.kind == "Gateway" else "Workload with a sidecar"
            raise Invalid([Problem("spec.proxy", f"there is no {kind} {'/'.join(rest)}")])
        return member

    async def _issued(self, user: User, spec: CertificateRequestSpec, member: ResourceId) -> Issued:
        request = spec.csr.encode()
        match spec.purpose:
            case "control":
                identity = SpiffeId.make(self._authority.trust_domain, spec.proxy)
                registration = Registration(identity, token=user.token)
                return await self._authority.issue(request, registration, PROXY_LIFETIME)
            case "traffic" if Role.JOIN.value in user.roles:
                raise forbidden("a join token is for the proxy's certificate; with that, ask for this one")
            case "traffic":
                found = issuance(self._read, member)
                return await self._traffic(request, spec, found)
            case _:
                raise Invalid([Problem("spec.purpose", f"expected {CONTROL} or {TRAFFIC}")])

    async def _traffic(self, request: bytes, spec: CertificateRequestSpec, found: Issuance | None) -> Issued:
        if found is None:
            raise Refused(f"{spec.proxy} has no identity: it is in no mesh, or no MeshIdentity picks it")
        if found.spire_socket:
            raise Refused(
                f"the identity of {spec.proxy} is issued by the SPIRE agent at {found.spire_socket}"
            )
        identity = SpiffeId.parse(found.spiffe_id)
        lifetime = timedelta(milliseconds=found.lifetime)
        if found.brought:
            brought = self._brought.authority(found.brought, identity.trust_domain)
            return await brought.issue(request, Registration(identity), lifetime)
        held = self._trusts.authorities.get(found.mesh, identity.trust_domain)
        if held is None:
            raise Refused(f"the authority of {identity.trust_domain} is not ready yet")
        generation = held.authority.trust.signing
        issued = await held.authority.issue(request, Registration(identity), lifetime)
        held.ledger.note(Holder(spec.proxy, spec.instance, generation, issued.not_after))
        return issued


def _speaks_for(user: User, proxy: str) -> bool:
    """Zones speak for themselves alone: neither an administrator nor who runs all proxies is one."""
    if proxy.startswith(ZONE_PREFIX):
        return bool(user.roles & _ZONES) and user.proxies == (proxy,)
    return Role.ADMIN.value in user.roles or covers(user.proxies, proxy)


def _reason(refusal: ApiError | Invalid) -> str:
    if isinstance(refusal, ApiError):
        return refusal.message
    return "; ".join(f"{problem.path}: {problem.message}" for problem in refusal.problems)


def is_proxy(read: Read, member: ResourceId) -> bool:
    """Whether a proxy of ours stands for this Gateway or Workload."""
    if member.kind == "Gateway":
        return serves(read, member)
    workload = read.leaf(member)
    return workload is not None and workload.spec.sidecar is not None
