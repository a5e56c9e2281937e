"""`sekisho demo`: two clouds on this host, told as a story."""

from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sekisho.app import settings
from sekisho.app.acme.demo import demo as run_demo
from sekisho.app.acme.load import Tally
from sekisho.app.acme.told import Step
from sekisho.cli.options import StateFolder
from sekisho.cli.terminal import Exit, counted, err
from sekisho.cli.voice import TerminalVoice, say, say_wrapped

_FORGIVEN = 0.01
"""Share of failed requests that is not shown in red."""


async def demo(
    *,
    keep: Annotated[bool, Parameter(help="Leave it running afterwards, to play with.")] = False,
    state: StateFolder = None,
) -> Exit:
    """Run acme.corp: two clouds, one catalog, and what goes on when things break. Takes about a minute.

    Starts a global control plane, two zones with real Envoys on loopback addresses, calls from one cloud into
    the other, then stops parts of it while requests run. Needs no root. Exits with 0 when every step behaved,
    with 130 when Ctrl-C ended it before.
    """
    stage = _Stage()
    went_well = await run_demo(settings.demo(state=state, keep=keep), stage)
    if went_well is None:
        say("Ended early, with everything it had started.")
        return Exit.INTERRUPTED
    stage.sum_up(went_well)
    return Exit.OK if went_well else Exit.PROBLEM


class _Stage(TerminalVoice):
    """Implements `app.acme.told.Stage`; everything goes to stderr."""

    def __init__(self) -> None:
        self._steps: list[Step] = []
        self._live: Live | None = None

    def chapter(self, title: str) -> None:
        say("\n", (title, "bold underline"))

    def step(self, step: Step) -> None:
        self._steps.append(step)
        mark = ("✗ ", "red") if step.fault else ("✓ ", "green")
        took = "" if step.milliseconds is None else f"  {step.milliseconds:.1f} ms"
        say_wrapped(mark, (step.what, "bold"), (took, "cyan"))
        say_wrapped(step.path, indent=4)
        if step.fault:
            say_wrapped((step.fault, "red"), indent=4)

    def table(self, tallies: Sequence[Tally]) -> None:
        if not err.is_terminal:
            return
        if self._live is None:
            self._live = Live(console=err, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(_table(tallies), refresh=True)

    def table_over(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def sum_up(self, went_well: bool) -> None:  # noqa: FBT001 - it is what is said
        """The last words."""
        failed = sum(bool(step.fault) for step in self._steps)
        if went_well:
            say((f"{counted(len(self._steps), 'step')}, and all behaved.", "green"))
        elif failed:
            say((f"{failed} of {counted(len(self._steps), 'step')} did not behave.", "red"))


def _table(tallies: Sequence[Tally]) -> Table:
    table = Table("requests", "answered by", "failed", "usual", "slowest", box=None, pad_edge=False)
    for tally in tallies:
        zones = ", ".join(f"{zone} {count}" for zone, count in sorted(tally.answered.items()))
        failed = tally.faults.total()
        style = "red" if failed > tally.requests * _FORGIVEN else ""
        table.add_row(
            tally.name, zones, Text(str(failed), style), f"{tally.usual:.1f} ms", f"{tally.slowest:.1f} ms"
        )
    return table
