"""`sekisho.kit.digest`."""

from sekisho.kit import digest


def test_a_digest_is_the_same_everywhere() -> None:
    """Reference values of xxh3 for the empty input (xxHash's own test vectors)."""
    assert digest.digest(b"") == "99aa06d3014798d86001c324468d497f"
    assert digest.number(b"") == 0x2D06800538D394C2


def test_other_bytes_have_another_digest() -> None:
    assert digest.digest(b"a") != digest.digest(b"b")
    assert digest.number(b"a") != digest.number(b"b")
