"""Serial numbers that say which token a certificate descends from, so that revoking the token ends it too.

RFC 5280 4.1.2.2 leaves serial numbers to the issuer: unique, positive, at most 20 octets. Ours are 63 random
bits, more than guessing or collision needs, and below them the 48 bits of a token's id; 0 for no token.
"""

import secrets

RANDOM_BITS, TOKEN_BITS = 63, 48


def serial_number(token: str = "") -> int:
    """A new serial number of a certificate that was given to the holder of this token (its id), if any.

    Raises ValueError when `token` is no id.
    """
    lineage = int(token, 16) if token else 0
    if not 0 <= lineage < 1 << TOKEN_BITS:
        raise ValueError(f"{token!r} is not the id of a token")
    chance = secrets.randbits(RANDOM_BITS) | 1  # never zero, so the number is positive whatever the token
    return chance << TOKEN_BITS | lineage


def token_of(serial: int) -> str:
    """The id of the token a certificate descends from; empty for none."""
    lineage = serial & ((1 << TOKEN_BITS) - 1)
    return f"{lineage:0{TOKEN_BITS // 4}x}" if lineage else ""
