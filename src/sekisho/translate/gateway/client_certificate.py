"""The certificate a Gateway shows to backends it speaks TLS to (`spec.tls.backend.clientCertificateRef`).

A Gateway that should show one and has none calls no backend by TLS: those of its author are not to be asked
by somebody who does not say who he is.
"""

from msgspec.structs import replace

from sekisho.engine import Read, query
from sekisho.ir.transport import ServerTls
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.backend_tls import backend_transport
from sekisho.translate.gateway.certificates import Unusable, client_certificate_reference, resolve_certificate
from sekisho.translate.mesh.external import CLIENT_PREFIX


@query
def client_certificate(read: Read, gateway: ResourceId) -> str | Unusable | None:
    """Name of the `ir.Certificate` to show; None when none is asked for."""
    reference = client_certificate_reference(read.leaf(gateway))
    if reference is None:
        return None
    found = resolve_certificate(read, gateway, reference)
    if not isinstance(found, Unusable):
        return f"{CLIENT_PREFIX}{found.name}"
    reason = "InvalidClientCertificateRef" if found.reason == "InvalidCertificateRef" else found.reason
    return Unusable(reason, f"spec.tls.backend.clientCertificateRef: {found.message}")


def gateway_transport(
    read: Read, gateway: ResourceId, service: ResourceId, port: str, *, over_http2: bool
) -> ServerTls | Unusable | None:
    """How a Gateway speaks to a port; None for without TLS, because no BackendTLSPolicy wants it."""
    plain = backend_transport(read, service, port, over_http2=over_http2)
    if not isinstance(plain, ServerTls):
        return plain
    shown = client_certificate(read, gateway)
    if isinstance(shown, Unusable):
        return shown
    return plain if shown is None else replace(plain, certificate=shown)
