"""Rows of several cells: a table where the terminal is wide enough for it, else each over several lines."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from sekisho.cli.columns import column_widths
from sekisho.cli.terminal import out
from sekisho.cli.written import line_of
from sekisho.client.reviews import PortVerdict, RuleState, Step

_GAP = "  "
_LEADING = 2
"""Cells that stay on the first line of a row that is broken up."""


def show_rows(
    rows: Sequence[Sequence[str]], styles: Sequence[str], *, indent: str = "", console: Console = out
) -> None:
    """Cells are never cut; `styles` are of the columns. What is no terminal gets one line a row."""
    if not rows:
        return
    widths = column_widths(rows)
    needed = len(indent) + sum(widths) + len(_GAP) * (len(widths) - 1)
    broken = console.is_terminal and needed > console.width
    for row in rows:
        for line in _broken(row, widths, styles) if broken else [_whole(row, widths, styles)]:
            line.rstrip()
            console.print(Text.assemble(indent, line))


def _whole(row: Sequence[str], widths: Sequence[int], styles: Sequence[str]) -> Text:
    line = Text()
    for number, (cell, width, style) in enumerate(zip(row, widths, styles, strict=True)):
        line.append(_GAP if number else "")
        line.append(cell.ljust(width), style or None)
    return line


def _broken(row: Sequence[str], widths: Sequence[int], styles: Sequence[str]) -> list[Text]:
    first = _whole(row[:_LEADING], (widths[0], 0), styles[:_LEADING])
    under = " " * (widths[0] + len(_GAP))
    rest = zip(row[_LEADING:], styles[_LEADING:], strict=True)
    return [first, *(Text.assemble(under, (cell, style)) for cell, style in rest if cell)]


def source(of: Step | PortVerdict | RuleState) -> str:
    """A last cell: who decided it, and where that is written; empty for nobody."""
    place = f" ({of.file}:{line_of(of.file, of.line, of.origin)})" if of.file else ""
    return f"← {of.origin}{place}" if of.origin else ""
