"""Text in columns, as wide as needed and never cut, so that it can be read by people and by `awk`."""

from collections.abc import Sequence

GAP = "   "


def columns(rows: Sequence[Sequence[str]], widths: Sequence[int] | None = None) -> str:
    """Left-aligned columns; `widths` are least widths (of an earlier print that this one continues)."""
    found = column_widths(rows, widths)
    lines = (
        GAP.join(cell.ljust(width) for cell, width in zip(row, found, strict=True)).rstrip() for row in rows
    )
    return "\n".join(lines)


def column_widths(rows: Sequence[Sequence[str]], least: Sequence[int] | None = None) -> list[int]:
    """The width of each column."""
    found = [max(map(len, column), default=0) for column in zip(*rows, strict=True)]
    return [max(pair) for pair in zip(found, least, strict=True)] if least else found
