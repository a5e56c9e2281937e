"""TokenReview: bearer tokens made, listed and revoked, and certificates of proxies revoked."""

import re
from datetime import timedelta

import structlog

from sekisho.api import User
from sekisho.app.zones.peers import ZONE_PREFIX
from sekisho.app.zones.place import is_zone_name
from sekisho.client.credentials import RevocationState, TokenAnswer, TokenSpec, TokenState
from sekisho.identity.revocation import Revocations, Revoked
from sekisho.identity.tokens import (
    AGENT_LIFETIME,
    JOIN_LIFETIME,
    ZONE_LIFETIME,
    Role,
    Token,
    Tokens,
    is_pattern,
)
from sekisho.kit.clocks import rfc3339
from sekisho.model.problems import Invalid, Problem

log = structlog.get_logger(__name__)

LONGEST = timedelta(days=366)
LONGEST_JOIN = timedelta(days=1)
_ID = re.compile(r"[0-9a-f]{12}")
_NEED_PROXIES = frozenset({Role.AGENT, Role.JOIN, Role.ZONE})
_GOOD_ONCE = {Role.JOIN: JOIN_LIFETIME, Role.ZONE: ZONE_LIFETIME}
"""By role, how long they wait for their use by default."""


def manage(tokens: Tokens, revocations: Revocations, user: User, spec: TokenSpec) -> TokenAnswer:
    """Does what `spec` asks. Raises Invalid."""
    match spec.action:
        case "list":
            return _answer(tokens, revocations)
        case "revoke":
            revoked = _revoke(tokens, revocations, spec.id)
            log.info("revoked", what=spec.id, found=revoked, by=user.name)
            return _answer(tokens, revocations, revoked=revoked)
        case "create":
            role, lifetime = _wanted(spec)
            if role is Role.ZONE:
                end_zone_tokens(tokens, *spec.proxies)
            text = tokens.issue(_name(spec), role, lifetime, spec.proxies).reveal()
            id_ = text.split("_", 2)[1]
            log.info("token made", token=id_, name=_name(spec), role=role, proxies=spec.proxies, by=user.name)
            return _answer(tokens, revocations, token=text)
        case _:
            raise Invalid([Problem("spec.action", "expected create, list or revoke")])


def _revoke(tokens: Tokens, revocations: Revocations, what: str) -> bool:
    """Whether there was such a token or proxy name. Of a join token that has ended the certificates live on:
    its id is taken, too."""
    if "/" in what:
        if not _is_zone(what) and ("*" in what or not is_pattern(what)):
            expected = "expected gateway/<namespace>/<name>, workload/<namespace>/<name> or zone/<name>"
            raise Invalid([Problem("spec.id", expected)])
        revocations.revoke_proxy(what)
        return True
    if _ID.fullmatch(what):
        revocations.revoke_token(what)
    return tokens.revoke(what)


def end_zone_tokens(tokens: Tokens, zone: str) -> None:
    """Revokes the tokens with which a zone (`zone/<name>`) could still join: the newest is the only one."""
    for token in tokens.all():
        if token.role is Role.ZONE and token.proxies == (zone,):
            tokens.revoke(token.id)


def _wanted(spec: TokenSpec) -> tuple[Role, timedelta]:
    problems = []
    name = _name(spec)
    if not 0 < len(name) <= 200 or not name.isprintable():  # noqa: PLR2004 - a line in a list
        problems.append(Problem("spec.name", "expected 1 to 200 printable characters"))
    if spec.role not in set(Role):
        raise Invalid([*problems, Problem("spec.role", f"expected one of {', '.join(Role)}")])
    role = Role(spec.role)
    lifetime = timedelta(days=spec.days, minutes=spec.minutes)
    longest = LONGEST_JOIN if role in _GOOD_ONCE else LONGEST
    if not timedelta() <= lifetime <= longest:
        problems.append(Problem("spec.days", f"expected 0 (the default) to {longest.days}"))
    problems += _faults_of_proxies(role, spec.proxies)
    if problems:
        raise Invalid(problems)
    return role, lifetime or _GOOD_ONCE.get(role, AGENT_LIFETIME)


def _faults_of_proxies(role: Role, proxies: tuple[str, ...]) -> list[Problem]:
    if role not in _NEED_PROXIES:
        return [Problem("spec.proxies", f"a token of the role {role} speaks for no proxy")] if proxies else []
    if role is Role.ZONE:
        good = len(proxies) == 1 and _is_zone(proxies[0])
        return [] if good else [Problem("spec.proxies", "expected one zone, such as zone/azure")]
    if not proxies:
        hint = "expected the proxies it speaks for, such as workload/shop/cart-1, gateway/shop/* or *"
        return [Problem("spec.proxies", hint)]
    if role is Role.JOIN and (len(proxies) != 1 or "*" in proxies[0]):
        return [
            Problem("spec.proxies", "expected one proxy: a join token is for the first certificate of one")
        ]
    return [
        Problem(f"spec.proxies[{index}]", "expected workload/<namespace>/<name>, gateway/<namespace>/* or *")
        for index, proxy in enumerate(proxies)
        if not is_pattern(proxy)
    ]


def _is_zone(what: str) -> bool:
    return what.startswith(ZONE_PREFIX) and is_zone_name(what.removeprefix(ZONE_PREFIX))


def _name(spec: TokenSpec) -> str:
    return spec.name or ", ".join(spec.proxies if spec.role in _GOOD_ONCE else ())


def _answer(
    tokens: Tokens, revocations: Revocations, *, token: str = "", revoked: bool = False
) -> TokenAnswer:
    return TokenAnswer(
        tokens=tuple(map(_state, tokens.all())),
        token=token,
        revoked=revoked,
        revocations=tuple(map(_revocation, revocations.all())),
    )


def _state(token: Token) -> TokenState:
    expires = rfc3339(token.expires)
    return TokenState(id=token.id, name=token.name, role=token.role, expires=expires, proxies=token.proxies)


def _revocation(revoked: Revoked) -> RevocationState:
    at, until = (rfc3339(moment) for moment in (revoked.at, revoked.until))
    return RevocationState(what=revoked.what, at=at, until=until)
