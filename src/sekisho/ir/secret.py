"""Certificates a listener presents."""

from msgspec import Struct

from sekisho.model.names import Origin


class Certificate(Struct, frozen=True, kw_only=True, gc=False):
    """A certificate chain with its private key, checked: it parses, and the key belongs to it."""

    name: str
    """Name of the secret in SDS: `secret/<namespace>/<name>`."""
    chain: bytes
    """PEM, leaf first."""
    key: bytes
    """PEM. Never printed."""
    origin: Origin

    def __repr__(self) -> str:
        """All but the key."""
        return f"Certificate(name={self.name!r}, chain={self.chain!r}, origin={self.origin!r})"
