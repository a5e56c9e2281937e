"""Rules of the values of Passthrough and ProxyPatch."""

from collections.abc import Iterator

from sekisho.model import paths
from sekisho.model.fields import Hostname
from sekisho.model.mistakes import value_mistakes
from sekisho.model.policies.passthrough import PassthroughDefault, PassthroughMatch
from sekisho.model.policies.proxy_patch import Modification, Patch, ProxyPatchDefault
from sekisho.model.problems import Problem
from sekisho.model.reasons import Reason
from sekisho.model.validation.shared import cidr, ip_version

_NAMED = frozenset({"tls", "http", "http2", "grpc"})
_WHOLE = ("Add", "Remove", "Patch")
_ORDERED = ("AddFirst", "AddLast", "AddBefore", "AddAfter", "Remove", "Patch")
_PLACED = frozenset({"AddBefore", "AddAfter"})
_OPERATIONS = {
    "cluster": _WHOLE,
    "listener": ("Remove", "Patch"),
    "network_filter": _ORDERED,
    "http_filter": _ORDERED,
    "virtual_host": ("Patch",),
}
"""What listens is for Workloads and Gateways to say, and what is routed for routes."""


def passthrough(path: str, value: PassthroughDefault) -> Iterator[Problem]:
    """Places outside; on one port, bytes cannot be told from another protocol."""
    where = paths.field(path, "appendMatch")
    protocols: dict[int, str] = {}
    for index, match in enumerate(value.append_match or ()):
        place = paths.item(where, index)
        yield from _match(place, match)
        if match.port is None:
            continue
        first = protocols.setdefault(match.port, match.protocol)
        if first != match.protocol and "tcp" in (first, match.protocol):
            message = f"port {match.port} is {first} in another match, and tcp cannot share a port"
            yield Problem(paths.field(place, "protocol"), message)


def _match(path: str, match: PassthroughMatch) -> Iterator[Problem]:
    where = paths.field(path, "value")
    if match.type == "Domain":
        yield from value_mistakes(Hostname, match.value, where)
        if match.protocol not in _NAMED:
            message = "a host name is not seen in tcp"
            yield Problem(
                paths.field(path, "protocol"), message, "write tls, http, http2 or grpc", Reason.FORBIDDEN
            )
    elif match.type == "IP":
        if ip_version(match.value) is None:
            yield Problem(where, f'expected an IP address, found "{match.value[:60]}"')
    else:
        yield from cidr(where, match.value)


def proxy_patch(path: str, value: ProxyPatchDefault) -> Iterator[Problem]:
    """Each modification is one thing, and complete. Types are Envoy's and checked against them later."""
    for index, modification in enumerate(value.append_modifications or ()):
        yield from _modification(paths.item(paths.field(path, "appendModifications"), index), modification)


def _modification(path: str, modification: Modification) -> Iterator[Problem]:
    given = [(name, patch) for name in _OPERATIONS if (patch := getattr(modification, name)) is not None]
    if len(given) != 1:
        message = "expected one of cluster, listener, networkFilter, httpFilter and virtualHost"
        yield Problem(path, message, reason=Reason.REQUIRED)
    for name, patch in given:
        first, *rest = name.split("_")
        where = paths.field(path, first + "".join(part.title() for part in rest))
        yield from _patch(where, patch, _OPERATIONS[name])


def _patch(path: str, patch: Patch, operations: tuple[str, ...]) -> Iterator[Problem]:
    if patch.operation not in operations:
        message = f"expected one of {', '.join(operations)}, found {patch.operation}"
        yield Problem(paths.field(path, "operation"), message, reason=Reason.NOT_SUPPORTED)
    if patch.operation in _PLACED and patch.match.name is None:
        message = f"is required for {patch.operation}: the filter that the new one stands beside"
        yield Problem(paths.field(path, "match.name"), message, reason=Reason.REQUIRED)
    yield from _content(path, patch)


def _content(path: str, patch: Patch) -> Iterator[Problem]:
    value, steps = paths.field(path, "value"), paths.field(path, "jsonPatches")
    if patch.json_patches is not None and patch.operation != "Patch":
        yield Problem(steps, "is for Patch only", reason=Reason.FORBIDDEN)
    if patch.operation == "Remove":
        if patch.value is not None:
            yield Problem(value, "is not for Remove", reason=Reason.FORBIDDEN)
        return
    if patch.value is not None and patch.json_patches is not None:
        yield Problem(steps, "value and jsonPatches exclude each other", reason=Reason.FORBIDDEN)
    elif patch.value is None and patch.json_patches is None:
        yield Problem(value, "is required", reason=Reason.REQUIRED)
