"""Fingerprints of bytes, to see that something changed. Not for security: xxh3 is no cryptographic hash."""

import xxhash


def digest(data: bytes) -> str:
    """128 bits in 32 hex digits; equal bytes give equal digests on every machine and in every version."""
    return str(xxhash.xxh3_128_hexdigest(data))


def number(data: bytes) -> int:
    """64 bits as a number, for choosing among things evenly and always alike."""
    return int(xxhash.xxh3_64_intdigest(data))
