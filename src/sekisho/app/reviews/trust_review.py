"""TrustReview: the roots of a mesh shown, and their rotation begun, continued and taken back."""

import hashlib

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sekisho.api import User
from sekisho.api.errors import ApiError, forbidden
from sekisho.client.credentials import RootState, TrustAnswer, TrustSpec, TrustState, WaitingState
from sekisho.control.trust import Trusts
from sekisho.identity.authorities import HeldAuthority
from sekisho.identity.tokens import Role
from sekisho.identity.trust import OutOfOrder
from sekisho.kit.clocks import rfc3339
from sekisho.model.problems import Invalid, Problem

log = structlog.get_logger(__name__)

_ACTIONS = ("status", "rotate", "abort", "continue")


async def review_trust(trusts: Trusts, user: User, spec: TrustSpec) -> TrustAnswer:
    """Does what `spec` asks; readers may look. Raises Invalid, and ApiError 403 or 409."""
    if spec.action != "status" and Role.ADMIN.value not in user.roles:
        raise forbidden(f'User "{user.name}" cannot {spec.action} the roots of a mesh')
    chosen = [held for held in trusts.authorities.of(spec.mesh) if spec.domain in {"", held.domain}]
    if not chosen:
        raise Invalid([Problem("spec.mesh", _missing(spec))])
    if spec.action not in _ACTIONS:
        raise Invalid([Problem("spec.action", f"expected one of {', '.join(_ACTIONS)}")])
    try:
        for held in chosen if spec.action != "status" else ():
            await _do(trusts, spec.action, held)
            log.info("trust", action=spec.action, trust_domain=held.domain, by=user.name)
    except OutOfOrder as cause:
        raise ApiError(409, "Conflict", str(cause)) from cause
    return TrustAnswer(domains=tuple(_state(trusts, held) for held in chosen))


def _missing(spec: TrustSpec) -> str:
    if spec.domain:
        return f"the mesh {spec.mesh} has no trust domain {spec.domain} in this zone"
    return f"there is no Mesh {spec.mesh}, or it has only just been made"


async def _do(trusts: Trusts, action: str, held: HeldAuthority) -> None:
    match action:
        case "rotate":
            await trusts.begin(held)
        case "abort":
            trusts.abort(held)
        case _:
            trusts.go_on(held)


def _state(trusts: Trusts, held: HeldAuthority) -> TrustState:
    trust, signing = held.authority.trust, held.authority.signing.state
    return TrustState(
        domain=held.domain,
        stage=str(trust.stage),
        since=rfc3339(trust.since),
        roots=_roots(held),
        root_key_here=signing.root_key_here,
        issuer_expires=rfc3339(signing.issuer_ends),
        successor_expires=rfc3339(signing.successor_ends) if signing.successor_ends else "",
        holders=sum(1 for _ in held.ledger.living()),
        waiting=tuple(
            WaitingState(proxy=one.proxy, reason=one.reason, offline=one.offline)
            for one in trusts.waiting(held)
        ),
    )


def _roots(held: HeldAuthority) -> tuple[RootState, ...]:
    """The signing one comes first in a bundle."""
    return tuple(
        RootState(
            fingerprint=hashlib.sha256(root.public_bytes(Encoding.DER)).hexdigest(),
            expires=rfc3339(root.not_valid_after_utc),
            signing=index == 0,
        )
        for index, root in enumerate(x509.load_pem_x509_certificates(held.authority.bundle))
    )
