"""Self-signed certificates as a listener's plan has them."""

from sekisho import ir
from sekisho.model.names import Origin, ResourceId
from tests.kit.pki import self_signed


def certificate(name: str, *hosts: str) -> ir.Certificate:
    """Valid for `hosts`, for a day."""
    leaf = self_signed(*hosts)
    origin = Origin(ResourceId("Secret", "shop", name.rpartition("/")[2]))
    return ir.Certificate(name=name, chain=leaf.certificate, key=leaf.key, origin=origin)
