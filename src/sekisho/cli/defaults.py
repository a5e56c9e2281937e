"""How all commands take and describe their options."""

from cyclopts import Parameter


def shown_default(value: object) -> str | None:
    """What help says of a default: nothing of one that means "not given"."""
    return str(value) if value not in ("", (), None, False, 0) else None


DEFAULTS = Parameter(negative="", show_default=shown_default)
"""No `--no-…`, and no defaults that say nothing."""
