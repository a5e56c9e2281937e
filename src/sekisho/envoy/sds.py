"""Where a proxy gets its own certificate from, and whom it believes: SDS, of the agent and by ADS."""

from collections.abc import Iterable
from typing import Any

from sekisho import ir
from sekisho.envoy.building import ADS, XDS_CLUSTER
from sekisho.ir.transport import IDENTITY_SECRET, TRUST_SECRET

TLS_VERSIONS = {"1.2": "TLSv1_2", "1.3": "TLSv1_3"}

NOBODY = "sekisho:nobody"
"""A name no certificate has: an empty list of names would let Envoy believe every member of the mesh."""

_AGENT: dict[str, Any] = {
    "api_config_source": {
        "api_type": "DELTA_GRPC",
        "transport_api_version": "V3",
        "grpc_services": [{"envoy_grpc": {"cluster_name": XDS_CLUSTER}}],
        "set_node_on_first_message_only": True,
    },
    "resource_api_version": "V3",
}
"""The key is on this host and stays there: the agent serves it, and the control plane never sees it."""

_IDENTITY: dict[str, Any] = {"name": IDENTITY_SECRET, "sds_config": _AGENT}
_TRUST: dict[str, Any] = {"name": TRUST_SECRET, "sds_config": ADS}


def member_tls(
    names: Iterable[dict[str, Any]], lowest: ir.TlsVersion, highest: ir.TlsVersion
) -> dict[str, Any]:
    """envoy.extensions.transport_sockets.tls.v3.CommonTlsContext of a member that talks to another.

    `names`: StringMatchers of the SPIFFE IDs that are believed; none believes nobody. Both versions are
    said: Envoy as a client stops at 1.2 unless it is told.
    """
    believed = list(names) or [{"exact": NOBODY}]
    return {
        "tls_params": {
            "tls_minimum_protocol_version": TLS_VERSIONS[lowest],
            "tls_maximum_protocol_version": TLS_VERSIONS[highest],
        },
        "tls_certificate_sds_secret_configs": [_IDENTITY],
        "combined_validation_context": {
            "default_validation_context": {
                "match_typed_subject_alt_names": [{"san_type": "URI", "matcher": name} for name in believed]
            },
            "validation_context_sds_secret_config": _TRUST,
        },
    }
