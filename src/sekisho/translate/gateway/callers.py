"""Certificates of callers: whom the HTTPS listeners of a port believe (`Gateway.spec.tls.frontend`, GEP-91).

Where nobody can be believed that should be, the listeners are closed; never does one let in everybody
because the authority it should ask for is missing.
"""

from msgspec import Struct

from sekisho import ir
from sekisho.engine import Read, query
from sekisho.model.gateway import GATEWAY_GROUP, FrontendValidation, Gateway, ObjectReference
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.authorities import authorities
from sekisho.translate.gateway.certificates import Unusable
from sekisho.translate.gateway.grants import Referrer, is_permitted

_PREFIX = "authorities/Gateway/"
_ALL_PORTS = "default"
INSECURE = "AllowInsecureFallback"
"""The mode in which a caller's certificate is asked for and nothing depends on it."""


class Believed(Struct, frozen=True, kw_only=True, gc=False):
    """Whom the HTTPS listeners of a port believe."""

    bundle: str
    """`ir.AuthorityBundle.name`."""
    certificates: bytes = b""
    """PEM; empty when nobody can be believed."""
    is_required: bool
    """Whether callers need a certificate of one of these authorities."""
    problems: tuple[Unusable, ...] = ()

    @property
    def closes(self) -> bool:
        """Whether nobody can be let in."""
        return not self.certificates


@query
def believed(read: Read, gateway: ResourceId, port: int) -> Believed | None:
    """None where callers are not asked. Of several authorities the good ones are believed."""
    scope, wanted = _wanted(read, gateway, port)
    return None if wanted is None else _believed(read, gateway, scope, wanted)


@query
def validation_of(read: Read, gateway: ResourceId, port: int) -> ir.CallerValidation | None:
    """How callers of a port are checked; None where they are not asked."""
    found = believed(read, gateway, port)
    if found is None:
        return None
    return ir.CallerValidation(authorities=found.bundle, required=found.is_required)


@query
def caller_bundle(read: Read, name: str) -> ir.AuthorityBundle | None:
    """The authorities behind `Believed.bundle`."""
    namespace, gateway, scope = name.removeprefix(_PREFIX).split("/")
    port = 0 if scope == _ALL_PORTS else int(scope)
    found = believed(read, ResourceId("Gateway", namespace, gateway), port)
    if found is None or found.closes:
        return None
    return ir.AuthorityBundle(name=name, authorities=found.certificates)


def lets_anybody_in(gateway: Gateway) -> bool:
    """Whether any port asks for certificates and does without."""
    tls = gateway.spec.tls
    if tls is None or tls.frontend is None:
        return False
    said = (tls.frontend.default, *(entry.tls for entry in tls.frontend.per_port))
    return any(one.validation is not None and one.validation.mode == INSECURE for one in said)


@query
def _wanted(read: Read, gateway: ResourceId, port: int) -> tuple[str, FrontendValidation | None]:
    """What a port has of its own counts alone, also when that is nothing."""
    resource: Gateway | None = read.leaf(gateway)
    tls = None if resource is None else resource.spec.tls
    if tls is None or tls.frontend is None:
        return _ALL_PORTS, None
    for entry in tls.frontend.per_port:
        if entry.port == port:
            return str(port), entry.tls.validation
    return _ALL_PORTS, tls.frontend.default.validation


def _believed(read: Read, gateway: ResourceId, scope: str, wanted: FrontendValidation) -> Believed:
    place = "spec.tls.frontend"
    found = [_authorities(read, gateway, reference) for reference in wanted.ca_certificate_refs]
    problems = (one for one in found if isinstance(one, Unusable))
    return Believed(
        bundle=f"{_PREFIX}{gateway.namespace}/{gateway.name}/{scope}",
        certificates=b"\n".join(one for one in found if isinstance(one, bytes)),
        is_required=wanted.mode != INSECURE,
        problems=tuple(Unusable(one.reason, f"{place}: {one.message}") for one in problems),
    )


def _authorities(read: Read, gateway: ResourceId, reference: ObjectReference) -> bytes | Unusable:
    if (reference.group, reference.kind) != ("", "ConfigMap"):
        message = f"{reference.kind} holds no authorities; ConfigMap does"
        return Unusable("InvalidCACertificateKind", message)
    source = ResourceId("ConfigMap", reference.namespace or gateway.namespace, reference.name)
    # Permission first: who may not look must not learn whether it exists.
    if not is_permitted(read, Referrer(GATEWAY_GROUP, "Gateway", gateway.namespace), "", source):
        return Unusable("RefNotPermitted", f"no ReferenceGrant in {source.namespace} allows {source}")
    found = authorities(read, source)
    return Unusable("InvalidCACertificateRef", found) if isinstance(found, str) else found
