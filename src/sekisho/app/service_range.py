"""Which ranges virtual addresses of Services can be from."""

from ipaddress import IPv4Network, IPv6Network

from sekisho.model.mesh import SERVICE_RANGE

LONGEST_PREFIX = 24
"""Bits: a range of fewer than 256 addresses is a mistake."""
_OTHERS = (IPv4Network("242.0.0.0/7"),)
"""Of ExternalServices (242) and of what is in other zones (243)."""
_SHARED_BITS = 16
"""The last ones of a virtual address, which are all that is left of it on a loopback address."""
_LARGEST_THIRD_NUMBER = 127
"""Of Services; the upper half of those bits is for everything else that has virtual addresses."""


def fault(range_: IPv4Network | IPv6Network) -> str:
    """What is wrong with it, to be read after the range; empty when nothing is."""
    special = range_.is_global or range_.is_loopback or range_.is_link_local or range_.is_multicast
    if not isinstance(range_, IPv4Network) or range_.prefixlen > LONGEST_PREFIX or special:
        return f"is not a private IPv4 range with a prefix of at most {LONGEST_PREFIX}, like {SERVICE_RANGE}"
    if any(range_.overlaps(other) for other in _OTHERS):
        return "is for virtual addresses of ExternalServices and of other zones"
    if range_.prefixlen > _SHARED_BITS and range_[0].packed[2] > _LARGEST_THIRD_NUMBER:
        return (
            "ends like the virtual addresses of ExternalServices, and would meet them on loopback addresses: "
            f"its third number is to be at most {_LARGEST_THIRD_NUMBER}"
        )
    return ""
