"""The questions the control plane answers over its API: explain, dump, status, certificates, tokens."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec

from sekisho.api import Review, User
from sekisho.app.authentication import PROXY_ROLE
from sekisho.app.explaining import Explaining
from sekisho.app.identities import Identities
from sekisho.app.issuing import Issuing
from sekisho.app.token_review import manage
from sekisho.app.trust_review import review_trust
from sekisho.app.zone_peers import DISABLED_ROLE, MEMBER_ROLE
from sekisho.client.reviews import (
    PLURALS,
    CertificateAnswer,
    CertificateRequestSpec,
    ConfigDumpSpec,
    ExplanationSpec,
    PermissionSpec,
    Struct,
    SystemStatus,
    TokenAnswer,
    TokenSpec,
    TrustAnswer,
    TrustSpec,
)
from sekisho.control.loop import ControlLoop
from sekisho.control.system_status import system_status
from sekisho.identity.tokens import Role
from sekisho.model.problems import Invalid, Problem
from sekisho.store.protocol import Store

Spec = TypeVar("Spec", bound=Struct)
_ADMINS = frozenset({Role.ADMIN.value})
_READERS = frozenset({Role.ADMIN.value, Role.READER.value})
_AGENTS = frozenset({Role.ADMIN.value, Role.AGENT.value, Role.JOIN.value, PROXY_ROLE})
_ZONES = frozenset({Role.ZONE.value, MEMBER_ROLE, DISABLED_ROLE})


def reviews(loop: ControlLoop, store: Store, identities: Identities, started: str) -> list[Review]:
    """All review kinds. `started` (RFC 3339) is when this control plane did."""
    told = Explaining(loop)
    issuing = Issuing(
        loop.engine.read, identities.authority, identities.trusts, identities.tokens, identities.zones
    )

    async def status(_: User, __: Struct) -> SystemStatus:
        return system_status(loop, started, await store.revision())

    async def certificate(user: User, spec: CertificateRequestSpec) -> CertificateAnswer:
        return await issuing.answer(user, spec)

    async def token(user: User, spec: TokenSpec) -> TokenAnswer:
        return manage(identities.tokens, identities.revocations, user, spec)

    async def trust(user: User, spec: TrustSpec) -> TrustAnswer:
        return await review_trust(identities.trusts, user, spec)

    return [
        _review("SystemStatus", _READERS, Struct, status, "The whole system at a glance."),
        _review(
            "Explanation", _READERS, ExplanationSpec, told.explanation, "Who decides what about a request."
        ),
        _review("Permission", _READERS, PermissionSpec, told.permission, "Whether one may call another."),
        # A dump shows what Secrets hold save their keys, and readers may not read Secrets.
        _review("ConfigDump", _ADMINS, ConfigDumpSpec, told.dump, "What proxies are given."),
        _review(
            "CertificateRequest",
            _AGENTS | _ZONES,
            CertificateRequestSpec,
            certificate,
            "The certificate of a proxy or a zone.",
        ),
        _review("TokenReview", _ADMINS, TokenSpec, token, "Bearer tokens: create, list, revoke."),
        _review("TrustReview", _READERS, TrustSpec, trust, "The roots of a mesh: show, rotate, abort."),
    ]


def _review(
    kind: str,
    roles: frozenset[str],
    type_: type[Spec],
    answer: Callable[[User, Spec], Awaitable[Struct]],
    description: str,
) -> Review:
    async def handler(user: User, document: dict[str, Any]) -> Mapping[str, Any]:
        written = document.get("spec") or {}
        try:
            spec = msgspec.convert(written, type_)
        except msgspec.ValidationError as cause:
            raise Invalid([Problem("spec", str(cause))]) from cause
        return {"spec": written, "status": msgspec.to_builtins(await answer(user, spec))}

    return Review(kind=kind, plural=PLURALS[kind], roles=roles, handler=handler, description=description)
