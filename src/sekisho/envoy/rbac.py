"""RBAC: who may call. Any denial denies, then any permission allows, then no."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from sekisho import ir
from sekisho.envoy.building import extension, new
from sekisho.envoy.callers import policy
from sekisho.protos import pack

HTTP = "envoy.filters.http.rbac"
NETWORK = "envoy.filters.network.rbac"
HTTP_TYPE = "envoy.extensions.filters.http.rbac.v3.RBAC"
NETWORK_TYPE = "envoy.extensions.filters.network.rbac.v3.RBAC"

_PER_ROUTE = "envoy.extensions.filters.http.rbac.v3.RBACPerRoute"

ONE_IDENTITY = "one-identity"
_NAMES = extension(
    "envoy.matching.inputs.uri_san", "envoy.extensions.matching.common_inputs.ssl.v3.UriSanInput"
)

DENY, ALLOW = "deny", "allow"
"""The two stages; the second is never left out."""


@cache
def http_rbac() -> list[dict[str, Any]]:
    """HTTP filters, in order: they let nobody in where no route says who may."""
    stages = _stages(ir.Permissions(), over_http=True)
    return [extension(f"{HTTP}.{name}", HTTP_TYPE, **stages.get(name, {})) for name in (DENY, ALLOW)]


def rbac_per_route(permissions: ir.Permissions) -> dict[str, Any]:
    """Per-route settings of these filters. Without any rule nobody is let in."""
    stages = _stages(permissions, over_http=True)
    return {
        f"{HTTP}.{name}": pack(
            new(_PER_ROUTE, rbac=stages[name])
            if name in stages
            else new("envoy.config.route.v3.FilterConfig", disabled=True)
        )
        for name in (DENY, ALLOW)
    }


def network_rbac(permissions: ir.Permissions, stat_prefix: str) -> list[dict[str, Any]]:
    """Network filters, in order, for bytes that are not read: a rule that asks about requests lets nobody
    in here, and keeps out whoever it would keep out for any request."""
    return [
        extension(f"{NETWORK}.{name}", NETWORK_TYPE, stat_prefix=stat_prefix, **rules)
        for name, rules in _stages(permissions, over_http=False).items()
    ]


@cache
def one_identity() -> dict[str, Any]:
    """A network filter: callers whose certificate names several are not let in (X.509-SVID, section 2).

    Envoy would take such a caller for each of them. Its input puts all names into one text, with commas
    between them, which no SPIFFE ID has.
    """
    several = {
        "predicate": {"single_predicate": {"input": _NAMES, "value_match": {"contains": ","}}},
        "on_match": {"action": _action("several identities", "DENY")},
    }
    matcher = {
        "matcher_list": {"matchers": [several]},
        "on_no_match": {"action": _action("one identity", "ALLOW")},
    }
    return extension(f"{NETWORK}.{ONE_IDENTITY}", NETWORK_TYPE, stat_prefix=ONE_IDENTITY, matcher=matcher)


def _action(name: str, action: str) -> dict[str, Any]:
    """xds.core.v3.TypedExtensionConfig"""
    return {
        "name": "action",
        "typed_config": pack(new("envoy.config.rbac.v3.Action", name=name, action=action)),
    }


def _stages(permissions: ir.Permissions, *, over_http: bool) -> dict[str, dict[str, Any]]:
    """The fields of each filter, by its name. Shadow rules come after the denials, and count the rest."""
    denied, shadowed = (_of(permissions, effect) for effect in (ir.Effect.DENY, ir.Effect.SHADOW_DENY))
    let_in = [*_of(permissions, ir.Effect.ALLOW), *shadowed]
    if not over_http:
        let_in = [rule for rule in let_in if not rule.caller.needs_http]
        shadowed = [rule for rule in shadowed if not rule.caller.needs_http]
    stages: dict[str, dict[str, Any]] = {}
    if denied:
        stages[DENY] = {"rules": _rules("DENY", denied, over_http=over_http)}
    stages[ALLOW] = {"rules": _rules("ALLOW", let_in, over_http=over_http)}
    if shadowed:
        stages[ALLOW]["shadow_rules"] = _rules("DENY", shadowed, over_http=over_http)
    return stages


def _of(permissions: ir.Permissions, effect: ir.Effect) -> list[ir.PermissionRule]:
    return [rule for rule in permissions.rules if rule.effect is effect]


def _rules(action: str, rules: Iterable[ir.PermissionRule], *, over_http: bool) -> dict[str, Any]:
    """envoy.config.rbac.v3.RBAC; policies are named after their rule, which logs repeat."""
    return {
        "action": action,
        "policies": {
            f"{number} {rule.origin}": policy(rule.caller, over_http=over_http)
            for number, rule in enumerate(rules)
        },
    }
