"""DownstreamTlsContext: how a sidecar takes connections from members of the mesh."""

from typing import Any

from sekisho import ir
from sekisho.envoy.building import ON, extension
from sekisho.envoy.sds import member_tls

NAME = "envoy.transport_sockets.tls"


def mutual_tls(wanted: ir.MutualTls, alpn: str) -> dict[str, Any]:
    """envoy.config.core.v3.TransportSocket. `alpn`: the one protocol spoken on these connections.

    No session is taken up again: a caller that is no longer believed would come back by an old session.
    """
    # With the slash: `spiffe://a.b` is also the beginning of `spiffe://a.bc`.
    names = [{"prefix": f"spiffe://{domain}/"} for domain in wanted.trust_domains]
    common = member_tls(names, wanted.min_version, wanted.max_version)
    common["alpn_protocols"] = [alpn]
    common["tls_params"]["cipher_suites"] = wanted.ciphers
    return extension(
        NAME,
        "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        common_tls_context=common,
        require_client_certificate=ON,
        disable_stateless_session_resumption=True,
        disable_stateful_session_resumption=True,
    )
