"""The questions the control plane answers over its API: explain, dump, status, certificates, tokens."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

import msgspec

from sekisho.api import Review, User
from sekisho.client.reviews import (
    PLURALS,
    CertificateAnswer,
    CertificateRequestSpec,
    ConfigDump,
    ConfigDumpSpec,
    Explanation,
    ExplanationSpec,
    Struct,
    SystemStatus,
    TokenAnswer,
    TokenSpec,
    TokenState,
)
from sekisho.control.config_dump import config_dump
from sekisho.control.explain import explain
from sekisho.control.loop import ControlLoop
from sekisho.control.system_status import system_status
from sekisho.identity.authority import Authority, Refused, Registration
from sekisho.identity.spiffe import SpiffeId
from sekisho.identity.tokens import AGENT_LIFETIME, Role, Token, Tokens
from sekisho.model.names import ResourceId
from sekisho.model.problems import Invalid, Problem
from sekisho.store.protocol import Store
from sekisho.translate.gateway.classes import serves

LONGEST_TOKEN_DAYS = 366
GATEWAY_PROXY = "gateway"
"""First part of a proxy's name: `gateway/<namespace>/<name>`."""

Spec = TypeVar("Spec", bound=Struct)
_ADMINS = frozenset({Role.ADMIN.value})
_READERS = frozenset({Role.ADMIN.value, Role.READER.value})
_AGENTS = frozenset({Role.ADMIN.value, Role.AGENT.value})


def reviews(
    loop: ControlLoop, store: Store, authority: Authority, tokens: Tokens, started: str
) -> list[Review]:
    """All review kinds. `started` (RFC 3339) is when this control plane did."""

    async def status(_: User, __: Struct) -> SystemStatus:
        return system_status(loop, started, await store.revision())

    async def explanation(_: User, spec: ExplanationSpec) -> Explanation:
        return explain(loop.engine, loop.served(), spec)

    async def dump(_: User, spec: ConfigDumpSpec) -> ConfigDump:
        return config_dump(loop.engine, spec)

    async def certificate(_: User, spec: CertificateRequestSpec) -> CertificateAnswer:
        return await _sign(loop, authority, spec)

    async def token(_: User, spec: TokenSpec) -> TokenAnswer:
        return _manage(tokens, spec)

    return [
        _review("SystemStatus", _READERS, Struct, status, "The whole system at a glance."),
        _review("Explanation", _READERS, ExplanationSpec, explanation, "Who decides what about a request."),
        # A dump shows what Secrets hold save their keys, and readers may not read Secrets.
        _review("ConfigDump", _ADMINS, ConfigDumpSpec, dump, "What a gateway's proxies are given."),
        _review("CertificateRequest", _AGENTS, CertificateRequestSpec, certificate, "A proxy's certificate."),
        _review("TokenReview", _ADMINS, TokenSpec, token, "Bearer tokens: create, list, revoke."),
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


async def _sign(loop: ControlLoop, authority: Authority, spec: CertificateRequestSpec) -> CertificateAnswer:
    """Only for proxies of Gateways that are ours, so that an agent's token opens nothing else."""
    role, *rest = spec.proxy.split("/")
    if role != GATEWAY_PROXY or len(rest) != 2:  # noqa: PLR2004 - namespace and name
        raise Invalid([Problem("spec.proxy", "expected gateway/<namespace>/<name>")])
    if not serves(loop.engine.read, ResourceId("Gateway", *rest)):
        raise Invalid([Problem("spec.proxy", f"there is no Gateway {'/'.join(rest)} of a class of ours")])
    try:
        identity = SpiffeId.make(authority.trust_domain, spec.proxy)
        issued = await authority.issue(spec.csr.encode(), Registration(identity))
    except (Refused, ValueError) as cause:
        raise Invalid([Problem("spec.csr", str(cause))]) from cause
    return CertificateAnswer(
        certificate=issued.chain.decode(), bundle=issued.bundle.decode(), expires=issued.not_after.isoformat()
    )


def _manage(tokens: Tokens, spec: TokenSpec) -> TokenAnswer:
    match spec.action:
        case "list":
            return TokenAnswer(tokens=_states(tokens))
        case "revoke":
            revoked = tokens.revoke(spec.id)
            return TokenAnswer(tokens=_states(tokens), revoked=revoked)
        case "create":
            name, role, lifetime = _new_token(spec)
            text = tokens.issue(name, role, lifetime).reveal()
            return TokenAnswer(tokens=_states(tokens), token=text)
        case _:
            raise Invalid([Problem("spec.action", "expected create, list or revoke")])


def _new_token(spec: TokenSpec) -> tuple[str, Role, timedelta]:
    problems = []
    if not 0 < len(spec.name) <= 63 or not spec.name.isprintable():  # noqa: PLR2004 - as a DNS label
        problems.append(Problem("spec.name", "expected 1 to 63 printable characters"))
    if spec.role not in set(Role):
        problems.append(Problem("spec.role", f"expected one of {', '.join(Role)}"))
    if not 0 <= spec.days <= LONGEST_TOKEN_DAYS:
        problems.append(Problem("spec.days", f"expected 0 (the default) to {LONGEST_TOKEN_DAYS}"))
    if problems:
        raise Invalid(problems)
    return spec.name, Role(spec.role), timedelta(days=spec.days) if spec.days else AGENT_LIFETIME


def _states(tokens: Tokens) -> tuple[TokenState, ...]:
    return tuple(map(_state, tokens.all()))


def _state(token: Token) -> TokenState:
    expires = token.expires.isoformat(timespec="seconds")
    return TokenState(id=token.id, name=token.name, role=token.role, expires=expires)
