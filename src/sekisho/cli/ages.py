"""How long ago something was, in one short word."""

from datetime import datetime


def age(moment: str, now: datetime) -> str:
    """`12s`, `3m`, `5h`, `2d` from `moment` (RFC 3339) to `now`."""
    seconds = int((now - datetime.fromisoformat(moment)).total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{max(seconds, 0)}s"
