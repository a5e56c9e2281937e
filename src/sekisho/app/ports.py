"""Whether a port can be listened on."""

import socket


class PortBusy(Exception):
    """A port we were to use cannot be had; the message says which, what for, and why."""


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
            raise PortBusy(f"port {port} on {host} for {purpose}: {cause.strerror}") from cause
