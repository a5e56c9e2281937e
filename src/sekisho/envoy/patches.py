"""ProxyPatch: changes Envoy's messages as its author wants, unless what protects them would be gone.

A change is made on a copy and taken or refused as a whole. Refused is what Envoy has no such field for, what
brings in an extension that is not on the list, what breaks a hardening rule that held before, and whatever
touches TLS, permissions or authentication.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError

from sekisho.envoy.lint import lint
from sekisho.envoy.patch_guards import filter_chains, guards, strangers
from sekisho.ir.patches import Patch, PatchTarget, Refusal, Side
from sekisho.kit.json_patch import PatchFailed, json_patch
from sekisho.model.names import Origin
from sekisho.protos import descriptor_pool, message, pack, unpack

TYPES: Mapping[PatchTarget, str] = {
    "cluster": "envoy.config.cluster.v3.Cluster",
    "listener": "envoy.config.listener.v3.Listener",
    "networkFilter": "envoy.config.listener.v3.Filter",
    "httpFilter": "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter",
    "virtualHost": "envoy.config.route.v3.VirtualHost",
}
_MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_OURS = ("sekisho", "passthrough")
"""Begin names of clusters that every proxy may have; all others of ours have a slash."""
_BY_TYPE: Mapping[str, tuple[PatchTarget, ...]] = {
    TYPES["cluster"]: ("cluster",),
    TYPES["listener"]: ("listener", "networkFilter", "httpFilter"),
    "envoy.config.route.v3.RouteConfiguration": ("virtualHost",),
    "envoy.config.route.v3.ScopedRouteConfiguration": ("virtualHost",),
}


class Patched(NamedTuple):
    """A message after the changes that could be made."""

    message: Any
    """None when it was removed."""
    refusals: tuple[Refusal, ...]
    applied: tuple[Origin, ...] = ()
    """The changes that made a difference."""


class _Unfit(Exception):
    """The change cannot be made; the message says why."""


def patched(found: Any, patches: Iterable[Patch], side: Side) -> Patched:
    """A Cluster, Listener or RouteConfiguration that was made for `side`, with the changes that fit it.

    The argument is not changed. Additions of whole messages are made by `added`.
    """
    targets = _BY_TYPE.get(found.DESCRIPTOR.full_name, ())
    refusals: list[Refusal] = []
    applied: list[Origin] = []
    for patch in patches:
        if patch.target not in targets or patch.side not in ("", side):
            continue
        try:
            changed = _change(found, patch)
            if changed is None:
                return Patched(None, tuple(refusals), (*applied, patch.origin))
            if changed != found:
                _must_be_safe(found, changed)
                applied.append(patch.origin)
        except _Unfit as unfit:
            refusals.append(Refusal(patch.origin, str(unfit)))
        else:
            found = changed
    return Patched(found, tuple(refusals), tuple(applied))


def added(patches: Iterable[Patch]) -> tuple[tuple[Any, ...], tuple[Refusal, ...]]:
    """The clusters that are new."""
    made: list[Any] = []
    refusals: list[Refusal] = []
    for patch in patches:
        if patch.operation != "Add" or patch.target != "cluster":
            continue
        try:
            made.append(_safe_addition(patch))
        except _Unfit as unfit:
            refusals.append(Refusal(patch.origin, str(unfit)))
    return tuple(made), tuple(refusals)


def fault(patch: Patch) -> str:
    """Why a change can never be made, whatever it is made to; empty when nothing says so."""
    try:
        if patch.value:
            _must_be_known(_parsed(patch))
    except _Unfit as unfit:
        return str(unfit)
    return ""


def _safe_addition(patch: Patch) -> Any:
    cluster = _parsed(patch)
    if not cluster.name:
        raise _Unfit("a new cluster needs a name")
    if "/" in cluster.name or cluster.name.startswith(_OURS):
        raise _Unfit("the name of a new cluster has no slash and does not begin with sekisho or passthrough")
    _must_be_known(cluster)
    if broken := lint(cluster):
        raise _Unfit(f"breaks a rule for all proxies: {broken[0]}")
    return cluster


def _must_be_known(value: Any) -> None:
    if unknown := strangers(value):
        raise _Unfit(f"extension {unknown[0]} may not be brought in by a ProxyPatch")


def _must_be_safe(before: Any, after: Any) -> None:
    fresh = [one for one in strangers(after) if one not in strangers(before)]
    if fresh:
        raise _Unfit(f"extension {fresh[0]} may not be brought in by a ProxyPatch")
    if guards(before) != guards(after):
        raise _Unfit("touches TLS, permissions or authentication, which only their own policies may")
    known = set(lint(before))
    broken = [one for one in lint(after) if one not in known and not one.startswith("extension ")]
    if broken:
        # The name is told once for all resources that it is about.
        raise _Unfit(f"breaks a rule for all proxies: {broken[0].removeprefix(f'{after.name}: ')}")


def _change(found: Any, patch: Patch) -> Any:
    """A changed copy; None to remove the whole message."""
    copy = type(found)()
    copy.CopyFrom(found)
    match patch.target:
        case "cluster" | "listener":
            return _whole(copy, patch)
        case "networkFilter":
            _network_filters(copy, patch)
        case "httpFilter":
            _http_filters(copy, patch)
        case "virtualHost":
            _virtual_hosts(copy, patch)
    return copy


def _whole(found: Any, patch: Patch) -> Any:
    if patch.name not in ("", found.name) or patch.operation == "Add":
        return found
    if patch.operation == "Remove":
        return None
    changed = _merged(found, patch)
    if changed.name != found.name:
        raise _Unfit("changes the name")
    return changed


def _network_filters(listener: Any, patch: Patch) -> None:
    if patch.listener in ("", listener.name):
        for chain in filter_chains(listener):
            _change_list(chain.filters, patch)


def _http_filters(listener: Any, patch: Patch) -> None:
    if patch.listener not in ("", listener.name):
        return
    for chain in filter_chains(listener):
        for entry in chain.filters:
            if entry.typed_config.type_url.rpartition("/")[2] == _MANAGER:
                manager = unpack(entry.typed_config)
                _change_list(manager.http_filters, patch)
                entry.typed_config.CopyFrom(pack(manager))


def _virtual_hosts(found: Any, patch: Patch) -> None:
    scoped = found.DESCRIPTOR.name == "ScopedRouteConfiguration"
    routes = found.route_configuration if scoped else found
    if patch.routes in ("", routes.name):
        _change_list(routes.virtual_hosts, patch)


def _change_list(items: Any, patch: Patch) -> None:
    """Filters or virtual hosts: what is named is changed, and new ones take their place beside it."""
    before = list(items)
    after = _EDITS[patch.operation](before, patch)
    if after != before:
        copies = [type(one).FromString(one.SerializeToString()) for one in after]
        del items[:]
        items.extend(copies)


def _is_meant(item: Any, patch: Patch) -> bool:
    return patch.name in ("", item.name)


def _removed(items: Sequence[Any], patch: Patch) -> list[Any]:
    return [one for one in items if not _is_meant(one, patch)]


def _edited(items: Sequence[Any], patch: Patch) -> list[Any]:
    return [_merged(one, patch) if _is_meant(one, patch) else one for one in items]


def _first(items: Sequence[Any], patch: Patch) -> list[Any]:
    return [_parsed(patch), *items]


def _last(items: Sequence[Any], patch: Patch) -> list[Any]:
    """A filter goes before the one that ends the chain, which nothing could follow."""
    new = _parsed(patch)
    return [*items, new] if patch.target == "virtualHost" or not items else [*items[:-1], new, items[-1]]


def _before(items: Sequence[Any], patch: Patch) -> list[Any]:
    return [one for item in items for one in ((_parsed(patch), item) if _is_meant(item, patch) else (item,))]


def _after(items: Sequence[Any], patch: Patch) -> list[Any]:
    return [one for item in items for one in ((item, _parsed(patch)) if _is_meant(item, patch) else (item,))]


_EDITS: Mapping[str, Callable[[Sequence[Any], Patch], list[Any]]] = {
    "Add": _last,
    "Remove": _removed,
    "Patch": _edited,
    "AddFirst": _first,
    "AddLast": _last,
    "AddBefore": _before,
    "AddAfter": _after,
}


def _parsed(patch: Patch) -> Any:
    """`value` as the message of the target."""
    return _message(TYPES[patch.target], msgspec.json.decode(patch.value))


def _message(type_name: str, document: Any) -> Any:
    try:
        return ParseDict(document, message(type_name)(), descriptor_pool=descriptor_pool())
    except (ParseError, TypeError, ValueError, KeyError) as error:
        raise _Unfit(f"is no {type_name.rpartition('.')[2]}: {error}") from None


def _merged(found: Any, patch: Patch) -> Any:
    """The message with `value` merged into it (lists grow, as protobuf merges), or after the steps."""
    if not patch.steps:
        copy = type(found)()
        copy.CopyFrom(found)
        copy.MergeFrom(_parsed(patch))
        return copy
    pool = descriptor_pool()
    document = MessageToDict(found, preserving_proto_field_name=True, descriptor_pool=pool)
    try:
        changed = json_patch(document, msgspec.json.decode(patch.steps))
    except PatchFailed as failed:
        raise _Unfit(str(failed)) from None
    return _message(found.DESCRIPTOR.full_name, changed)
