"""Somebody who issues tokens (JWT, ES256)."""

import json
import time
from base64 import urlsafe_b64encode
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256


class Issuer:
    """Its keys are made anew each time."""

    def __init__(self, name: str = "https://issuer.test") -> None:
        self.name = name
        self._key = generate_private_key(SECP256R1())

    @property
    def keys(self) -> str:
        """The public one, as a JSON Web Key Set."""
        point = self._key.public_key().public_numbers()
        x, y = (_text(number.to_bytes(32)) for number in (point.x, point.y))
        return json.dumps({"keys": [{"kty": "EC", "crv": "P-256", "alg": "ES256", "x": x, "y": y}]})

    def token(self, *, lasts: float = 60.0, **claims: Any) -> str:
        """Signed; `lasts` seconds from now on."""
        said = {"iss": self.name, "exp": int(time.time() + lasts), **claims}
        parts = [_text(json.dumps(part).encode()) for part in ({"alg": "ES256", "typ": "JWT"}, said)]
        signed = ".".join(parts)
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ECDSA(SHA256())))
        return f"{signed}.{_text(r.to_bytes(32) + s.to_bytes(32))}"


def _text(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()
