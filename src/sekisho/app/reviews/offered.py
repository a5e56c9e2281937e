"""The questions the control plane answers over its API: explain, dump, status, certificates, tokens."""

from msgspec.structs import replace

from sekisho.api import Review, User
from sekisho.app.identities.authentication import PROXY_ROLE
from sekisho.app.identities.issuing import Issuing
from sekisho.app.identities.known import Identities
from sekisho.app.identities.lives import ending
from sekisho.app.reviews.explaining import Explaining
from sekisho.app.reviews.review import review
from sekisho.app.reviews.token_review import manage
from sekisho.app.reviews.trust_review import review_trust
from sekisho.app.zones.others import Others, reaching
from sekisho.app.zones.peers import DISABLED_ROLE, MEMBER_ROLE
from sekisho.app.zones.place import Place
from sekisho.client.credentials import (
    CertificateRequestSpec,
    TokenAnswer,
    TokenSpec,
    TrustAnswer,
    TrustSpec,
)
from sekisho.client.reviews import ConfigDumpSpec, ExplanationSpec, PermissionSpec
from sekisho.client.system_status import SystemStatus, SystemStatusSpec
from sekisho.control.loop import ControlLoop
from sekisho.control.system_status import system_status
from sekisho.identity.tokens import Role
from sekisho.kit.clocks import rfc3339
from sekisho.store.protocol import Store

_ADMINS = frozenset({Role.ADMIN.value})
_READERS = frozenset({Role.ADMIN.value, Role.READER.value})
_AGENTS = frozenset({Role.ADMIN.value, Role.AGENT.value, Role.JOIN.value, PROXY_ROLE})
_ZONES = frozenset({Role.ZONE.value, MEMBER_ROLE, DISABLED_ROLE})


def reviews(
    loop: ControlLoop, store: Store, identities: Identities, place: Place, others: Others
) -> list[Review]:
    """All review kinds. The control plane started now, for those who ask."""
    told = Explaining(loop)
    asked = [
        _system_status(loop, store, identities, place, others),
        review(
            "Explanation", _READERS, ExplanationSpec, told.explanation, "Who decides what about a request."
        ),
        review("Permission", _READERS, PermissionSpec, told.permission, "Whether one may call another."),
        # A dump shows what Secrets hold save their keys, and readers may not read Secrets.
        review("ConfigDump", _ADMINS, ConfigDumpSpec, told.dump, "What proxies are given."),
    ]
    return [*(reaching(one, others) for one in asked), *_credentials(loop, identities), *others.reviews()]


def _system_status(
    loop: ControlLoop, store: Store, identities: Identities, place: Place, others: Others
) -> Review:
    started = rfc3339(loop.clock.now())

    async def status(_: User, __: SystemStatusSpec) -> SystemStatus:
        found = system_status(loop, started, await store.revision(), place.name)
        theirs = ending(identities, loop.clock.now())
        return others.completed(replace(found, certificates=(*theirs, *found.certificates)))

    return review("SystemStatus", _READERS, SystemStatusSpec, status, "The whole system at a glance.")


def _credentials(loop: ControlLoop, identities: Identities) -> list[Review]:
    """Who is who: asked of this control plane itself, never of another zone's."""
    issuing = Issuing(
        loop.engine.read, identities.authority, identities.trusts, identities.tokens, identities.zones,
        loop.clock,
    )  # fmt: skip

    async def token(user: User, spec: TokenSpec) -> TokenAnswer:
        return manage(identities.tokens, identities.revocations, user, spec)

    async def trust(user: User, spec: TrustSpec) -> TrustAnswer:
        return await review_trust(identities.trusts, user, spec)

    return [
        review(
            "CertificateRequest",
            _AGENTS | _ZONES,
            CertificateRequestSpec,
            issuing.answer,
            "The certificate of a proxy or a zone.",
        ),
        review("TokenReview", _ADMINS, TokenSpec, token, "Bearer tokens: create, list, revoke."),
        review("TrustReview", _READERS, TrustSpec, trust, "The roots of a mesh: show, rotate, abort."),
    ]
