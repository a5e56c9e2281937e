"""IP addresses as text."""

from ipaddress import ip_address


def is_address(text: str) -> bool:
    """Whether the text is an IPv4 or IPv6 address, and not a host name."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
