"""TrafficPermission: all denials and permissions of all policies of a port, side by side."""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from sekisho import ir
from sekisho.ir.callers import Effect, PermissionRule
from sekisho.model.names import Origin, ResourceId
from sekisho.model.policies.traffic_permission import TrafficPermissionDefault
from sekisho.policies.callers import caller

_LISTS = (
    (Effect.DENY, "deny", "deny"),
    (Effect.ALLOW, "allow", "allow"),
    (Effect.SHADOW_DENY, "allow_with_shadow_deny", "allowWithShadowDeny"),
)
_ORDER = {effect: number for number, (effect, _, _) in enumerate(_LISTS)}


def permission_rules(
    policy: ResourceId, path: str, default: TrafficPermissionDefault, trust_domain: str
) -> Iterator[PermissionRule]:
    """The entries of one rule (at `path`, its `default`). What no caller can ever fit is left out."""
    for effect, field, shown in _LISTS:
        for index, match in enumerate(getattr(default, field)):
            who = caller(match, trust_domain)
            if who is not None:
                yield PermissionRule(
                    effect=effect, caller=who, origin=Origin(policy, f"{path}.{shown}[{index}]")
                )


def permissions(rules: Iterable[PermissionRule]) -> ir.Permissions:
    """All of them; no policy overrides another one, so their order means nothing."""
    return ir.Permissions(rules=tuple(sorted(set(rules), key=_place)))


def _place(rule: PermissionRule) -> tuple[int, Origin]:
    return _ORDER[rule.effect], rule.origin


def without_http(wanted: ir.Permissions) -> ir.Permissions:
    """The same for a port on which requests cannot be seen. It lets in nobody who was not meant: a denial of
    some requests denies the caller, a permission for some requests permits nothing."""
    found = []
    for rule in wanted.rules:
        if not rule.caller.needs_http:
            found.append(rule)
        elif rule.effect is Effect.DENY:
            bare = replace(rule.caller, methods=(), paths=(), headers=(), claims=())
            found.append(replace(rule, caller=bare))
    return replace(wanted, rules=tuple(found))


def needs_http(wanted: ir.Permissions) -> bool:
    """Whether requests must be seen to judge."""
    return any(rule.caller.needs_http for rule in wanted.rules)
