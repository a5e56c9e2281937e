"""Rules of the mesh: protected never becomes unprotected.

Every inbound asks who calls before it passes a byte on; every cluster of the mesh asks who answers.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sekisho.envoy import lint_rules as rules
from sekisho.envoy.captured import CLOSED_CHAIN
from sekisho.envoy.http_connection_manager import CALLER_HEADER
from sekisho.envoy.inbound import FOREIGN_TLS, OPEN, PLAINTEXT
from sekisho.envoy.known_callers import CALLER
from sekisho.envoy.lint_applying import apply
from sekisho.envoy.rbac import ALLOW, DENY, HTTP, NETWORK
from sekisho.envoy.tcp import NAME as TCP_PROXY
from sekisho.envoy.upstream_tls import BARE
from sekisho.ir.tcp import CLOSED
from sekisho.protos import unpack

_HTTP = "envoy.filters.network.http_connection_manager"
_INBOUND = 1
"""envoy.config.core.v3.TrafficDirection"""
_UNENCRYPTED = {OPEN, PLAINTEXT, FOREIGN_TLS, CLOSED_CHAIN}
_SPIFFE = "spiffe://"
_OVERWRITE = 2
"""envoy.config.core.v3.HeaderValueOption.HeaderAppendAction"""
_PING_SECONDS = 60


def sidecar_listener(listener: Any) -> Iterator[str]:
    """Findings in a Listener of a sidecar."""
    inbound = listener.traffic_direction == _INBOUND
    takes_anybody = inbound and any(_takes_anybody(chain) for chain in listener.filter_chains)
    required: Sequence[rules.Rule] = rules.PATIENT_LISTENER if takes_anybody else rules.LISTENER
    if listener.HasField("internal_listener"):
        required = rules.OUTLET
    yield from apply(required, listener, listener.name)
    for chain in listener.filter_chains:
        where = f"{listener.name} chain {chain.name}"
        for manager in _unpacked(chain.filters, _HTTP):
            yield from apply(rules.INBOUND_HTTP if inbound else rules.OUTBOUND_HTTP, manager, where)
            if inbound and not _says_who_calls(manager):
                yield f"{where}: callers may say who they are"
            if inbound and not _ends_streams(manager):
                yield f"{where}: streams of callers that vanished are kept"
        if inbound:
            yield from _encrypted(chain, where)
            yield from _guarded(chain, where)


def _says_who_calls(manager: Any) -> bool:
    """Whether the header with the caller's name is written anew for each request."""
    mutations = (
        mutation
        for each in manager.early_header_mutation_extensions
        for mutation in unpack(each.typed_config).mutations
    )
    return any(
        mutation.append.header.key == CALLER_HEADER and mutation.append.append_action == _OVERWRITE
        for mutation in mutations
    )


def _ends_streams(manager: Any) -> bool:
    """When nothing comes any more, or when its caller does not answer pings."""
    every: int = manager.http2_protocol_options.connection_keepalive.interval.ToSeconds()
    longest: int = manager.stream_idle_timeout.ToSeconds()
    return longest > 0 or 0 < every <= _PING_SECONDS


def _takes_anybody(chain: Any) -> bool:
    """Whether all are let in, whatever they are and say: then nobody is told what he should not hear."""
    guards = {each.name: unpack(each.typed_config) for each in chain.filters if each.name.startswith(NETWORK)}
    if chain.name != PLAINTEXT or f"{NETWORK}.{ALLOW}" not in guards or f"{NETWORK}.{DENY}" in guards:
        return False
    policies = guards[f"{NETWORK}.{ALLOW}"].rules.policies.values()
    return any(_for_all(each.permissions) and _for_all(each.principals) for each in policies)


def _for_all(conditions: Sequence[Any]) -> bool:
    return any(one.any for one in conditions)


def _unpacked(filters: Sequence[Any], name: str) -> Iterator[Any]:
    return (unpack(each.typed_config) for each in filters if each.name == name)


def _encrypted(chain: Any, where: str) -> Iterator[str]:
    if not chain.HasField("transport_socket"):
        if chain.name not in _UNENCRYPTED:
            yield f"{where}: takes anybody without mutual TLS"
        return
    context = unpack(chain.transport_socket.typed_config)
    yield from apply(rules.FILTER_CHAIN, chain, where)
    yield from apply(rules.MEMBERS_ONLY, context, where)
    for name in _believed(context):
        if not (name.prefix.startswith(_SPIFFE) and name.prefix.endswith("/")) and not name.exact:
            yield f"{where}: believes callers by {name!s}, which is no whole trust domain"


def _believed(context: Any) -> list[Any]:
    """StringMatchers of the SPIFFE IDs."""
    combined = context.common_tls_context.combined_validation_context
    return [each.matcher for each in combined.default_validation_context.match_typed_subject_alt_names]


def _guarded(chain: Any, where: str) -> Iterator[str]:
    """Permissions are asked before anything is passed on."""
    if chain.name == OPEN:
        return
    if chain.name == CLOSED_CHAIN:
        if any(proxy.cluster != CLOSED for proxy in _unpacked(chain.filters, TCP_PROXY)):
            yield f"{where}: passes on what it should close"
        return
    http = [unpack(each.typed_config) for each in chain.filters if each.name == _HTTP]
    filters = http[0].http_filters if http else chain.filters
    wanted = f"{HTTP if http else NETWORK}.{ALLOW}"
    found = next((unpack(each.typed_config) for each in filters if each.name == wanted), None)
    if found is None or not found.HasField("rules") or found.rules.action:
        yield f"{where}: nobody is asked for permission"


def inbound_permissions(routes: Any) -> Iterator[str]:
    """Findings in a RouteConfiguration: permissions may be said, and are switched off for nobody but those
    whom their host lets in by identity."""
    for host in routes.virtual_hosts:
        for place in (host, *host.routes):
            said = place.typed_per_filter_config
            if f"{HTTP}.{ALLOW}" not in said or _lets_in_by_rule(unpack(said[f"{HTTP}.{ALLOW}"])):
                continue
            if place is host or not _known_by_identity(place.match):
                yield f"{routes.name}: {place.name or 'a route'} switches permissions off"


def _known_by_identity(match: Any) -> bool:
    """Whether only callers with certain identities get there."""
    return any(
        state.key == CALLER and (state.string_match.exact or state.string_match.safe_regex.regex)
        for state in match.filter_state
    )


def _lets_in_by_rule(per_route: Any) -> bool:
    if per_route.DESCRIPTOR.name != "RBACPerRoute":
        return False
    return bool(per_route.rbac.HasField("rules")) and not per_route.rbac.rules.action


def transport_to_members(cluster: Any) -> Iterator[str]:
    """Findings in how a Cluster reaches members of the mesh; a plain way is for marked endpoints alone."""
    for match in cluster.transport_socket_matches:
        where = f"{cluster.name} transport {match.name}"
        context = unpack(match.transport_socket.typed_config)
        if context.DESCRIPTOR.name == "UpstreamTlsContext":
            yield from apply(rules.TO_MEMBERS, context, where)
            if not all(name.exact for name in _believed(context)):
                yield f"{where}: believes servers whose name is not exactly known"
        elif set(match.match.fields) != {BARE}:
            yield f"{where}: endpoints with a sidecar are reached without TLS"
