"""UpstreamTlsContext: how a cluster's endpoints are reached, members of the mesh and servers outside."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sekisho import ir
from sekisho.envoy.building import ADS, extension, value
from sekisho.envoy.sds import TLS_VERSIONS, member_tls

MESHED = "mesh"
"""Key in an endpoint's `envoy.transport_socket_match` metadata: a sidecar stands before it."""
MEMBER = "member"
"""The same key where a cluster has several services: which of them it is (`ir.Endpoint.member`)."""
HOST_AUTHORITIES = "authorities-of-this-host"
"""Secret in the bootstrap: whom the proxy's host believes. Where the host has none, Envoy refuses what asks
for it. (Envoy does not read the field made for this, `system_root_certs`: it would believe everybody.)"""
BARE = "bare"
"""The same key of health checks that speak no TLS: no endpoint has it."""

_NAME = "envoy.transport_sockets.tls"
_TYPE = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
_SAN_TYPES = {"dns": "DNS", "uri": "URI"}


def transport(wanted: ir.Transport, *, bare_checks: bool = False) -> dict[str, Any]:
    """Fields of envoy.config.cluster.v3.Cluster. `bare_checks`: some of its health checks speak no TLS.

    Endpoints without a sidecar match nothing, and to them a cluster speaks no TLS unless it has a
    `transport_socket`. To say so aloud would be a socket more for Envoy to keep for each cluster.
    """
    bare = [_plain(BARE, {BARE: True})] if bare_checks else []
    match wanted:
        case ir.MeshTransport():
            members = _to_members(wanted, {}) if wanted.members_only else _to_members(wanted)
            return {"transport_socket_matches": [*bare, members]}
        case ir.MembersTransport():
            each = [_to_members(one, {MEMBER: name}) | {"name": name} for name, one in wanted.members]
            return {"transport_socket_matches": [*bare, *each, _to_members(_NOBODY)]}
        case ir.ServerTls():
            return {"transport_socket": _to_server(wanted)}


_NOBODY = ir.MeshTransport(server_name="nobody.sekisho", identities=())
"""To a member that is not known: better no connection than one in plain text, or to whomever."""
_ANY_MEMBER: Mapping[str, Any] = MappingProxyType({MESHED: True})


def _plain(name: str, match: Mapping[str, Any]) -> dict[str, Any]:
    """For what has no TLS to speak."""
    raw = extension(
        "envoy.transport_sockets.raw_buffer", "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"
    )
    return {"name": name, "match": match, "transport_socket": raw}


def _to_members(wanted: ir.MeshTransport, match: Mapping[str, Any] = _ANY_MEMBER) -> dict[str, Any]:
    """Endpoints with a sidecar are spoken to by mutual TLS or not at all."""
    exact = [{"exact": identity} for identity in wanted.identities]
    common = member_tls(exact, wanted.min_version, wanted.max_version)
    common["alpn_protocols"] = [wanted.alpn]
    if wanted.ciphers:
        common["tls_params"]["cipher_suites"] = wanted.ciphers
    # No sessions are kept: one would outlive the trust it was made under.
    mutual = extension(
        _NAME, _TYPE, common_tls_context=common, sni=wanted.server_name, max_session_keys=value(0)
    )
    return {"name": "member", "match": match, "transport_socket": mutual}


def _to_server(wanted: ir.ServerTls) -> dict[str, Any]:
    common: dict[str, Any] = {
        "tls_params": {
            "tls_minimum_protocol_version": TLS_VERSIONS[wanted.min_version],
            "tls_maximum_protocol_version": TLS_VERSIONS[wanted.max_version],
        },
        "alpn_protocols": wanted.alpn,
        **_validation(wanted),
    }
    if wanted.certificate:
        common["tls_certificate_sds_secret_configs"] = [{"name": wanted.certificate, "sds_config": ADS}]
    return extension(_NAME, _TYPE, common_tls_context=common, sni=wanted.server_name)


def _validation(wanted: ir.ServerTls) -> dict[str, Any]:
    """What is checked of the server's certificate; its names only ever beside its authority: what nobody
    vouches for says nothing, and Envoy lets it pass without looking at names."""
    if wanted.verify in {"nothing", "no-authority"}:
        return {}
    context: dict[str, Any] = {}
    if wanted.verify != "no-names":
        context["match_typed_subject_alt_names"] = _names(wanted)
    by_xds = {"name": wanted.authorities, "sds_config": ADS}
    return {
        "combined_validation_context": {
            "default_validation_context": context,
            "validation_context_sds_secret_config": by_xds
            if wanted.authorities
            else {"name": HOST_AUTHORITIES},
        }
    }


def _names(wanted: ir.ServerTls) -> list[dict[str, Any]]:
    names = wanted.alternative_names or (("dns", "exact", wanted.server_name),)
    return [{"san_type": _SAN_TYPES[kind], "matcher": {how: text}} for kind, how, text in names]
