"""Whether a caller is let in: the verdict of `Permissions`, and who a condition on callers fits."""

from collections.abc import Iterator
from enum import StrEnum
from ipaddress import ip_address, ip_network

from msgspec import Struct
from msgspec.structs import replace

from sekisho.ir.callers import Caller, Effect, PermissionRule, Permissions
from sekisho.ir.callers import Text as Pattern
from sekisho.ir.calls import Call
from sekisho.ir.matching import matched_values
from sekisho.ir.texts import covers_segments, text_matches


class Peer(Struct, frozen=True, kw_only=True, gc=False):
    """Who is at the other end of a connection, as far as the proxy knows."""

    identity: str = ""
    """SPIFFE ID of the certificate that was verified; empty for nobody."""
    address: str
    """IP address the connection came from."""
    server_name: str = ""
    """SNI, in any case; empty for none."""
    claims: tuple[tuple[str, str], ...] = ()
    """Claims of a verified JWT as texts, `a.b` for a nested one; a list is there several times."""


class Judgement(Struct, frozen=True, kw_only=True, gc=False):
    """Let in or not, and by which rule."""

    allowed: bool
    rule: PermissionRule | None
    """The one that decided: of several, the first by place. None where nothing lets the caller in."""
    shadow: PermissionRule | None = None
    """The shadow denial that fits: it is counted, and denies nothing."""


class Prospect(StrEnum):
    """What a peer can expect of a port before it has said what it wants."""

    ALWAYS = "always"
    NEVER = "never"
    DEPENDS = "depends"
    """On the request."""


def judge(permissions: Permissions, peer: Peer, call: Call | None) -> Judgement:
    """Any denial denies, then any permission allows, then no.

    `call` is the request, its path normalised; None where bytes are not read: there a denial of some requests
    denies the peer, and a permission for some requests permits nothing.
    """
    denial = next(_fitting(permissions, (Effect.DENY,), peer, call), None)
    if denial is not None:
        return Judgement(allowed=False, rule=denial)
    permit = next(_fitting(permissions, (Effect.ALLOW, Effect.SHADOW_DENY), peer, call), None)
    shadow = next(_fitting(permissions, (Effect.SHADOW_DENY,), peer, call), None)
    return Judgement(allowed=permit is not None, rule=permit, shadow=shadow)


def _fitting(
    permissions: Permissions, effects: tuple[Effect, ...], peer: Peer, call: Call | None
) -> Iterator[PermissionRule]:
    for rule in permissions.rules:
        if rule.effect not in effects:
            continue
        blind = call is None and rule.caller.needs_http
        if blind and rule.effect is not Effect.DENY:
            continue
        if fits_peer(rule.caller, peer) if call is None else fits(rule.caller, peer, call):
            yield rule


def prospect(permissions: Permissions, peer: Peer) -> Prospect:
    """What is decided about a peer whatever it asks for, where requests are read."""
    concerned = [rule for rule in permissions.rules if fits_peer(rule.caller, peer)]
    certain = {rule.effect for rule in concerned if not rule.caller.needs_http}
    effects = {rule.effect for rule in concerned}
    lets_in = {Effect.ALLOW, Effect.SHADOW_DENY}
    if Effect.DENY in certain or not effects & lets_in:
        return Prospect.NEVER
    return Prospect.ALWAYS if certain & lets_in and Effect.DENY not in effects else Prospect.DEPENDS


def without_requests(permissions: Permissions) -> Permissions:
    """As they work where bytes are not read: what `judge` does without a call, as rules to show."""
    kept = [
        replace(rule, caller=replace(rule.caller, methods=(), paths=(), headers=(), claims=()))
        for rule in permissions.rules
        if rule.effect is Effect.DENY or not rule.caller.needs_http
    ]
    return replace(permissions, rules=tuple(kept))


def with_shadows(permissions: Permissions) -> Permissions:
    """As they were if shadow denials denied."""
    rules = (
        replace(rule, effect=Effect.DENY) if rule.effect is Effect.SHADOW_DENY else rule
        for rule in permissions.rules
    )
    return replace(permissions, rules=tuple(sorted(rules, key=_denials_first)))


def _denials_first(rule: PermissionRule) -> bool:
    return rule.effect is not Effect.DENY


def fits(caller: Caller | None, peer: Peer, call: Call) -> bool:
    """Whether all conditions hold for a request of a peer; None is everybody."""
    return caller is None or (fits_peer(caller, peer) and _fits_request(caller, peer, call))


def fits_peer(caller: Caller, peer: Peer) -> bool:
    """Whether the conditions on the connection hold."""
    return (
        (not caller.identities or any(_is(one, peer.identity) for one in caller.identities))
        and (not caller.source_ranges or any(_inside(peer.address, one) for one in caller.source_ranges))
        and (not caller.server_names or peer.server_name.lower() in caller.server_names)
    )


def _is(pattern: Pattern, identity: str) -> bool:
    """Who has no identity is nobody, and no pattern fits nobody."""
    if not identity:
        return False
    return covers_segments(pattern.value, identity) if pattern.kind == "prefix" else _fits(pattern, identity)


def _inside(address: str, range_: str) -> bool:
    found, network = ip_address(address), ip_network(range_, strict=False)
    return found.version == network.version and found in network


def _fits_request(caller: Caller, peer: Peer, call: Call) -> bool:
    path = call.path.partition("?")[0]
    return (
        (not caller.methods or call.method in caller.methods)
        and (not caller.paths or any(_on_path(one, path) for one in caller.paths))
        and all(_any(pattern, matched_values(call, name)) for name, pattern in caller.headers)
        and all(_any(pattern, _claim(peer, name)) for name, pattern in caller.claims)
    )


def _on_path(pattern: Pattern, path: str) -> bool:
    if pattern.kind != "prefix":
        return _fits(pattern, path)
    return pattern.value in ("", "/") or covers_segments(pattern.value, path)


def _claim(peer: Peer, name: str) -> tuple[str, ...]:
    return tuple(value for key, value in peer.claims if key == name)


def _any(pattern: Pattern, values: tuple[str, ...]) -> bool:
    return any(_fits(pattern, value) for value in values)


def _fits(pattern: Pattern, value: str) -> bool:
    return text_matches(pattern.kind, pattern.value, value)
