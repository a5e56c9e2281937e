"""DownstreamTlsContext: how a sidecar takes connections from members of the mesh."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sekisho import ir
from sekisho.envoy.building import ON, extension
from sekisho.envoy.callers import segments
from sekisho.envoy.sds import member_tls

NAME = "envoy.transport_sockets.tls"
_KINDS = 1024
"""So many are kept ready: they are the same for all that the same policies let in."""


@lru_cache(_KINDS)
def mutual_tls(wanted: ir.MutualTls, alpn: str, permissions: ir.Permissions | None = None) -> dict[str, Any]:
    """envoy.config.core.v3.TransportSocket. `alpn`: the one protocol spoken on these connections.

    `permissions`: given where bytes are not read. RBAC asks with the first byte of the caller, which is too
    late where the server speaks first, so callers that no permission names do not even finish the handshake.

    No session is taken up again: a caller that is no longer believed would come back by an old session.
    """
    # With the slash: `spiffe://a.b` is also the beginning of `spiffe://a.bc`.
    domains = [f"spiffe://{domain}/" for domain in wanted.trust_domains]
    named = None if permissions is None else _named(permissions, domains)
    names = [{"prefix": domain} for domain in domains] if named is None else named
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


def _named(permissions: ir.Permissions, domains: Sequence[str]) -> list[dict[str, Any]] | None:
    """StringMatchers of all who may be let in; None where they are not known by name."""
    let_in = [
        rule.caller
        for rule in permissions.rules
        if rule.effect is not ir.Effect.DENY and not rule.caller.needs_http
    ]
    if any(_unnamed(caller) for caller in let_in):
        return None
    texts = sorted({(text.kind, text.value) for caller in let_in for text in caller.identities})
    return [
        matcher
        for kind, value in texts
        if f"{value}/".startswith(tuple(domains))
        for matcher in segments(ir.Text(kind, value))
    ]


def _unnamed(caller: ir.Caller) -> bool:
    return not caller.identities or any(text.kind not in {"exact", "prefix"} for text in caller.identities)
