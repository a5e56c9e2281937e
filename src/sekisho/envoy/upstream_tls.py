"""UpstreamTlsContext: how a cluster's endpoints are reached, members of the mesh and servers outside."""

from typing import Any

from sekisho import ir
from sekisho.envoy.building import ADS, extension, value
from sekisho.envoy.sds import TLS_VERSIONS, member_tls

MESHED = "mesh"
"""Key in an endpoint's `envoy.transport_socket_match` metadata: a sidecar stands before it."""

_NAME = "envoy.transport_sockets.tls"
_TYPE = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
_SAN_TYPES = {"dns": "DNS", "uri": "URI"}


def transport(wanted: ir.Transport, *, members_only: bool = False) -> dict[str, Any]:
    """Fields of envoy.config.cluster.v3.Cluster. `members_only`: none is marked, all are members."""
    match wanted:
        case ir.MeshTransport():
            member, other = _to_members(wanted)
            matches = [member | {"match": {}}] if members_only else [member, other]
            return {"transport_socket_matches": matches}
        case ir.ServerTls():
            return {"transport_socket": _to_server(wanted)}


def _to_members(wanted: ir.MeshTransport) -> list[dict[str, Any]]:
    """Endpoints with a sidecar are spoken to by mutual TLS or not at all; the others have no TLS to speak."""
    exact = [{"exact": identity} for identity in wanted.identities]
    common = member_tls(exact, wanted.min_version, wanted.max_version)
    common["alpn_protocols"] = [wanted.alpn]
    if wanted.ciphers:
        common["tls_params"]["cipher_suites"] = wanted.ciphers
    # No sessions are kept: one would outlive the trust it was made under.
    mutual = extension(
        _NAME, _TYPE, common_tls_context=common, sni=wanted.server_name, max_session_keys=value(0)
    )
    raw = extension(
        "envoy.transport_sockets.raw_buffer", "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"
    )
    return [
        {"name": "member", "match": {MESHED: True}, "transport_socket": mutual},
        {"name": "other", "match": {}, "transport_socket": raw},
    ]


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
    """What is checked of the server's certificate; its names only ever beside its authority."""
    if wanted.verify == "nothing":
        return {}
    context: dict[str, Any] = {}
    if wanted.verify != "no-names":
        context["match_typed_subject_alt_names"] = _names(wanted)
    if wanted.verify == "no-authority":
        context["trust_chain_verification"] = "ACCEPT_UNTRUSTED"
    if not wanted.authorities:
        return {"validation_context": {**context, "system_root_certs": {}}}
    authorities = {"name": wanted.authorities, "sds_config": ADS}
    return {
        "combined_validation_context": {
            "default_validation_context": context,
            "validation_context_sds_secret_config": authorities,
        }
    }


def _names(wanted: ir.ServerTls) -> list[dict[str, Any]]:
    names = wanted.alternative_names or (("dns", "exact", wanted.server_name),)
    return [{"san_type": _SAN_TYPES[kind], "matcher": {how: text}} for kind, how, text in names]
