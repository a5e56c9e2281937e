"""Whom this host believes: the file of certificate authorities that its distribution keeps."""

from collections.abc import Iterable
from pathlib import Path

PLACES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),  # Debian, Ubuntu, Alpine, Arch
    Path("/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"),  # Fedora, RHEL
    Path("/etc/pki/tls/certs/ca-bundle.crt"),  # older ones
    Path("/etc/ssl/ca-bundle.pem"),  # SUSE
    Path("/etc/ssl/cert.pem"),
)
"""Where distributions keep it, PEM."""


def host_authorities(places: Iterable[Path] = PLACES) -> Path | None:
    """The first of these files that is there; None for a host that believes nobody."""
    return next((place for place in places if place.is_file()), None)
