"""Certificates of authorities in ConfigMaps: whom Gateways believe, towards callers and towards backends."""

from cryptography import x509

from sekisho.engine import Read, query
from sekisho.model.core import ConfigMap
from sekisho.model.names import ResourceId

CA_KEY = "ca.crt"
"""The key in `data`."""


@query
def authorities(read: Read, config_map: ResourceId) -> bytes | str:
    """The certificates (PEM), at least one; or why there are none, for people."""
    resource: ConfigMap | None = read.leaf(config_map)
    if resource is None:
        return f"{config_map} does not exist"
    certificates = resource.data.get(CA_KEY, "").encode()
    try:
        x509.load_pem_x509_certificates(certificates)
    except ValueError:
        return f"{config_map}: {CA_KEY} is not a PEM certificate"
    return certificates
