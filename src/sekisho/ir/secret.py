"""Certificates a listener presents."""

from dataclasses import dataclass, field

from sekisho.model.names import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate chain with its private key, checked: it parses, and the key belongs to it."""

    name: str
    """Name of the secret in SDS: `secret/<namespace>/<name>`."""
    chain: bytes
    """PEM, leaf first."""
    key: bytes = field(repr=False)
    """PEM. Never printed."""
    origin: Origin
