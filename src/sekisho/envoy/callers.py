"""Policy: one caller's conditions, in the words of Envoy's RBAC. The only translation of `ir.Caller`.

Permissions are judged by it, and so are limits and logs that differ by caller (`choices.py`): a caller is the
same in all of them.
"""

from collections.abc import Iterable
from ipaddress import ip_network
from typing import Any

from sekisho import ir

JWT_METADATA = "envoy.filters.http.jwt_authn"
JWT_PAYLOAD = "claims"
"""Where the verified claims of a request are: dynamic metadata of this filter, below this key."""

_ANY: dict[str, Any] = {"any": True}


def policy(caller: ir.Caller | None, *, over_http: bool) -> dict[str, Any]:
    """envoy.config.rbac.v3.Policy; None is everybody.

    Not `over_http`, the conditions on requests are left out, and the policy is for more callers than was
    meant: good for those to be kept out, never for those to be let in.
    """
    who = caller or ir.Caller()
    permissions = [*_server_names(who), *(_request(who) if over_http else ())]
    return {
        "permissions": [_all(permissions, "and_rules", "rules")],
        "principals": [_all(_peer(who), "and_ids", "ids")],
    }


def _all(parts: list[dict[str, Any]], both: str, inside: str) -> dict[str, Any]:
    if not parts:
        return _ANY
    return parts[0] if len(parts) == 1 else {both: {inside: parts}}


def _one_of(parts: Iterable[dict[str, Any]], either: str, inside: str) -> list[dict[str, Any]]:
    """As one condition; none when there is nothing to choose from."""
    found = list(parts)
    return found if len(found) <= 1 else [{either: {inside: found}}]


def _peer(who: ir.Caller) -> list[dict[str, Any]]:
    """envoy.config.rbac.v3.Principal"""
    identities = (matcher for text in who.identities for matcher in _identity(text))
    # The address the connection came from, whatever a header says.
    addresses = ({"direct_remote_ip": _cidr_range(each)} for each in who.source_ranges)
    return [*_one_of(identities, "or_ids", "ids"), *_one_of(addresses, "or_ids", "ids")]


def _identity(text: ir.Text) -> list[dict[str, Any]]:
    """By the URI of the caller's certificate; who has none is nobody here."""
    if text.kind == "present":
        return [{"authenticated": {}}]
    return [{"authenticated": {"principal_name": one}} for one in segments(text)]


def segments(text: ir.Text) -> list[dict[str, Any]]:
    """StringMatchers; a prefix covers whole segments, and is itself one."""
    if text.kind != "prefix":
        return [string_matcher(text)]
    whole = text.value.rstrip("/")
    return [{"exact": whole}, {"prefix": f"{whole}/"}]


def string_matcher(text: ir.Text) -> dict[str, Any]:
    """envoy.type.matcher.v3.StringMatcher"""
    match text.kind:
        case "regex":
            return {"safe_regex": {"regex": text.value}}
        case "present":
            return {"safe_regex": {"regex": "(?s).*"}}
        case "prefix" | "suffix" if not text.value:
            return {"safe_regex": {"regex": "(?s).*"}}
        case kind:
            return {kind: text.value}


def _cidr_range(text: str) -> dict[str, Any]:
    network = ip_network(text, strict=False)
    return {"address_prefix": str(network.network_address), "prefix_len": {"value": network.prefixlen}}


def _server_names(who: ir.Caller) -> list[dict[str, Any]]:
    """envoy.config.rbac.v3.Permission"""
    names = ({"requested_server_name": {"exact": name}} for name in who.server_names)
    return _one_of(names, "or_rules", "rules")


def _request(who: ir.Caller) -> list[dict[str, Any]]:
    """envoy.config.rbac.v3.Permission, on what only HTTP tells."""
    methods = ({"header": {"name": ":method", "string_match": {"exact": name}}} for name in who.methods)
    paths = (matcher for text in who.paths for matcher in _path(text))
    return [
        *_one_of(methods, "or_rules", "rules"),
        *_one_of(paths, "or_rules", "rules"),
        *({"header": _header(name, text)} for name, text in who.headers),
        *({"metadata": _claim(name, text)} for name, text in who.claims),
    ]


def _path(text: ir.Text) -> list[dict[str, Any]]:
    """Envoy leaves the query out and has normalised the rest (`http_connection_manager.py`)."""
    if text.kind == "present" or (text.kind == "prefix" and text.value in {"", "/"}):
        return [_ANY]
    return [{"url_path": {"path": one}} for one in segments(text)]


def _header(name: str, text: ir.Text) -> dict[str, Any]:
    """envoy.config.route.v3.HeaderMatcher"""
    if text.kind == "present":
        return {"name": name, "present_match": True}
    return {"name": name, "string_match": string_matcher(text)}


def _claim(name: str, text: ir.Text) -> dict[str, Any]:
    """envoy.type.matcher.v3.MetadataMatcher: the claim is this text, this truth, or a list with this text."""
    keys = [JWT_PAYLOAD, *name.split(".")]
    return {"filter": JWT_METADATA, "path": [{"key": key} for key in keys], "value": _claim_value(text)}


def _claim_value(text: ir.Text) -> dict[str, Any]:
    if text.kind == "present":
        return {"present_match": True}
    string: dict[str, Any] = {"string_match": string_matcher(text)}
    values: list[dict[str, Any]] = [string, {"list_match": {"one_of": string}}]
    if text.kind == "exact" and text.value in {"true", "false"}:
        values.append({"bool_match": text.value == "true"})
    return {"or_match": {"value_matchers": values}}
