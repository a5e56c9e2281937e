"""Steps for policies: each value that holds, and the field that decided it."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec.structs import replace

from sekisho import ir
from sekisho.control.rows import Row
from sekisho.engine import Read
from sekisho.ir.admittance import Peer, fits, fits_peer
from sekisho.ir.calls import Call
from sekisho.model.names import ResourceId
from sekisho.policies.registry import REGISTRY
from sekisho.translate.mesh.effective import Client, canonical, forward_with_policies
from sekisho.translate.mesh.names import Destination
from sekisho.translate.mesh.policy_values import Effective, for_destination

_PART = re.compile(r"[^.\[\]]+")


def request_rows(
    read: Read, client: Client, destination: Destination, route: ResourceId | None
) -> Iterator[Row]:
    """What policies say about requests of a client to a destination. `route`: the HTTPRoute that decided."""
    for policy in REGISTRY:
        if policy.forward or policy.outbound:
            found = for_destination(read, policy.kind, canonical(client), destination, route)
            yield from _values(policy.kind, found)


def connection_rows(read: Read, client: Client, destination: Destination) -> Iterator[Row]:
    """What they say about its connections there."""
    for policy in REGISTRY:
        if policy.cluster:
            found = for_destination(read, policy.kind, canonical(client), destination)
            yield from _values(policy.kind, found)


def policed(
    read: Read, client: Client, destination: Destination, route: ResourceId | None, forward: ir.Forward
) -> frozenset[str]:
    """Which of `timeout` and `retry` of a route are there because policies say so, and not the route."""
    bare = replace(forward, request_timeout_ms=None, retry=None)
    said = forward_with_policies(read, client, bare, destination, route)
    same = {
        "timeout": forward.backend_timeout_ms is None
        and said.request_timeout_ms == forward.request_timeout_ms,
        "retry": said.retry == forward.retry,
    }
    return frozenset(name for name, is_same in same.items() if is_same)


def unrepeated(rows: Iterable[Row]) -> list[Row]:
    """Each value of a policy once: most are the same for requests and connections, and for all backends."""
    found: list[Row] = []
    for row in rows:
        if row.what != "policy" or row not in found:
            found.append(row)
    return found


def _values(kind: str, found: Effective) -> Iterator[Row]:
    document = msgspec.to_builtins(found.value) if found.value is not None else {}
    for path, origin in found.origins:
        yield Row("policy", f"{kind} {path}", origin, _shown(_at(document, path)))


def _at(document: Any, path: str) -> Any:
    """The value of a field path such as `http.retryOn` or `appendTags[0]`."""
    for part in _PART.findall(path):
        if isinstance(document, list | tuple):
            document = document[int(part)] if part.isdigit() and int(part) < len(document) else None
        elif isinstance(document, dict):
            document = document.get(part)
    return document


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(_said(value), ensure_ascii=False)


def _said(value: Any) -> Any:
    """Without fields that nobody set."""
    if isinstance(value, dict):
        return {name: _said(one) for name, one in value.items() if one is not None}
    return [_said(one) for one in value] if isinstance(value, list | tuple) else value


def server_rows(inbound: ir.Inbound, peer: Peer, call: Call | None) -> Iterator[Row]:
    """What policies of the server say about this caller: of several, the first that fits it."""
    for found, text in (
        (_first(inbound.times, peer, call), _times),
        (_first(inbound.rate_limits, peer, call), _rate_limit),
        (_first(inbound.faults, peer, call), _faults),
    ):
        if found is not None and (shown := text(found.value)):
            yield Row("policy", found.origin.resource.kind, found.origin, f"{shown} (by the server)")


def _first(conditionals: Any, peer: Peer, call: Call | None) -> Any:
    for one in conditionals:
        who = one.caller
        if who is None or (fits(who, peer, call) if call else not who.needs_http and fits_peer(who, peer)):
            return one
    return None


def _times(times: ir.Times) -> str:
    said = msgspec.to_builtins(times)
    return ", ".join(f"{name.replace('_', ' ')} {value} ms" for name, value in said.items() if value)


def _rate_limit(limit: ir.RateLimit) -> str:
    return f"{limit.tokens} requests per {limit.interval_ms} ms, then {limit.status}"


def _faults(faults: tuple[ir.Fault, ...]) -> str:
    parts = []
    for fault in faults:
        if fault.abort_millionths:
            parts.append(f"{fault.abort_status} for {fault.abort_millionths / 10_000:g} %")
        if fault.delay_millionths:
            parts.append(f"{fault.delay_ms} ms delay for {fault.delay_millionths / 10_000:g} %")
        if fault.bandwidth_millionths:
            parts.append(f"{fault.bandwidth_kbps} KiB/s for {fault.bandwidth_millionths / 10_000:g} %")
    return ", ".join(parts)
