"""Secret: the authorities a proxy believes, each for the identities of its own trust domain."""

from typing import Any

from sekisho import ir
from sekisho.envoy.building import extension, new

_TYPE = "envoy.extensions.transport_sockets.tls.v3.Secret"


def trust_bundle(wanted: ir.TrustBundle) -> Any:
    """envoy.extensions.transport_sockets.tls.v3.Secret with Envoy's SPIFFE validator.

    Without any authority nobody is believed.
    """
    domains = [{"name": name, "trust_bundle": {"inline_bytes": pem}} for name, pem in wanted.authorities]
    validator = extension(
        "envoy.tls.cert_validator.spiffe",
        "envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig",
        trust_domains=domains,
    )
    return new(_TYPE, name=wanted.name, validation_context={"custom_validator_config": validator})


def authority_bundle(wanted: ir.AuthorityBundle) -> Any:
    """envoy.extensions.transport_sockets.tls.v3.Secret with the authorities of servers outside the mesh."""
    return new(
        _TYPE,
        name=wanted.name,
        validation_context={"trusted_ca": {"inline_bytes": wanted.authorities}},
    )
