"""Rows fit the terminal, and whatever reads a pipe gets one line a row."""

from io import StringIO

from rich.console import Console

from sekisho.cli.rows import show_rows

ROWS = [
    ("caller", "Workload/shop/web-1", "spiffe://default.default.mesh.local/ns/shop/sa/web", "← web.yaml:3"),
    ("name", "cart", "", "← cart.yaml:1"),
]
STYLES = ("bold", "", "cyan", "green")


def shown(width: int, *, terminal: bool = True) -> list[str]:
    written = StringIO()
    console = Console(
        file=written, width=width, force_terminal=terminal, no_color=True, highlight=False, soft_wrap=True
    )
    show_rows(ROWS, STYLES, indent="  ", console=console)
    plain = written.getvalue().replace("\x1b[1m", "").replace("\x1b[0m", "")
    return [line.rstrip() for line in plain.splitlines()]


def test_what_fits_is_a_table() -> None:
    assert shown(200)[1] == f"  name    {'cart':<19}  {'':<50}  ← cart.yaml:1"


def test_what_does_not_fit_is_broken_into_lines() -> None:
    assert shown(60) == [
        "  caller  Workload/shop/web-1",
        "          spiffe://default.default.mesh.local/ns/shop/sa/web",
        "          ← web.yaml:3",
        "  name    cart",
        "          ← cart.yaml:1",
    ]


def test_a_pipe_has_no_width() -> None:
    assert len(shown(60, terminal=False)) == len(ROWS)


def test_nothing_is_no_line() -> None:
    show_rows([], STYLES)
