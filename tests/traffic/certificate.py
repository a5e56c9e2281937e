"""One certificate for every host the table asks for by https, as a Secret."""

import ssl
from collections.abc import Sequence
from typing import Any

from tests.kit import objects
from tests.kit.pki import self_signed


def tls_secret(hosts: Sequence[str]) -> tuple[dict[str, Any], ssl.SSLContext]:
    """The Secret `certificate`, and a client that trusts it."""
    made = self_signed(*hosts)
    trusting = ssl.create_default_context(cadata=made.certificate.decode())
    return objects.tls_secret("certificate", made), trusting
