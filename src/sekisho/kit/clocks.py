"""Moments as they are written, and clocks of two hosts that differ: how much of it harms nobody."""

from datetime import UTC, datetime, timedelta

TOLERATED = timedelta(minutes=5)
"""Certificates are good that much before they are signed, so that whose clock is behind believes them."""

_MINUTE = timedelta(minutes=1)
_OF_TIME = ("certificate is not yet valid", "certificate has expired")
"""In OpenSSL's words (X509_verify_cert_error_string)."""


def rfc3339(moment: datetime) -> str:
    """A moment in UTC, to the second, as `metav1.Time` is written: `2026-01-01T00:00:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def minutes_ahead(own: datetime, other: datetime) -> int:
    """How far the own clock is ahead of another one, in whole minutes; below 0 when it is behind."""
    return round((own - other) / _MINUTE)


def is_harmful(minutes: int) -> bool:
    """Whether clocks that are so far apart keep certificates from being believed."""
    return abs(minutes) * _MINUTE > TOLERATED


def in_words(minutes: int, other: str) -> str:
    """`60 minutes ahead of global's`, for `other` `global's`."""
    return f"{abs(minutes)} minutes {'ahead of' if minutes > 0 else 'behind'} {other}"


def with_hint(failure: str) -> str:
    """A failure of TLS, with what is to be looked at where it is one of time."""
    if any(each in failure for each in _OF_TIME):
        return f"{failure}: compare the clocks of both hosts"
    return failure
