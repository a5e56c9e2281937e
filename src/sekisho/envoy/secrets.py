"""Secret: a certificate with its key."""

from typing import Any

from sekisho import ir
from sekisho.envoy.building import new


def secret(wanted: ir.Certificate) -> Any:
    """envoy.extensions.transport_sockets.tls.v3.Secret. Its text form shows the key: never print it."""
    return new(
        "envoy.extensions.transport_sockets.tls.v3.Secret",
        name=wanted.name,
        tls_certificate={
            "certificate_chain": {"inline_bytes": wanted.chain},
            "private_key": {"inline_bytes": wanted.key},
        },
    )
