"""One certificate for every host the table asks for by https, as a Secret."""

import base64
import ssl
from collections.abc import Sequence
from typing import Any

from tests.kit.certificates import certificate
from tests.kit.objects import manifest


def tls_secret(hosts: Sequence[str]) -> tuple[dict[str, Any], ssl.SSLContext]:
    """The Secret `certificate`, and a client that trusts it."""
    made = certificate("secret/shop/certificate", *hosts)
    data = {"tls.crt": made.chain, "tls.key": made.key}
    encoded = {name: base64.b64encode(content).decode() for name, content in data.items()}
    secret = manifest("Secret", "certificate", type="kubernetes.io/tls", data=encoded)
    return secret, ssl.create_default_context(cadata=made.chain.decode())
