"""Whether a port can be listened on."""

import errno
import socket


class PortBusy(Exception):
    """A port we were to use cannot be had; the message says which, what for, and why."""


class NoSuchAddress(PortBusy):
    """The address is none of this host's."""


def check(host: str, port: int, purpose: str) -> None:
    """Raises PortBusy when `port` (0 for any) cannot be listened on now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As servers do: a port whose last connections are still closing down is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as cause:
            elsewhere = cause.errno == errno.EADDRNOTAVAIL
            kind = NoSuchAddress if elsewhere else PortBusy
            why = "this host has no such address" if elsewhere else cause.strerror
            raise kind(f"port {port} on {host} for {purpose}: {why}") from cause
