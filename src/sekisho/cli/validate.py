"""`sekisho validate`: check YAML files without a control plane."""

from sekisho.cli.files import reading, show_doubts
from sekisho.cli.options import Files
from sekisho.cli.terminal import Exit, counted, show_problems, write


async def validate(*, filename: Files) -> Exit:
    """Check files offline. Shows every problem with file and line; exits 1 when there is one.

    Warns of what may be written so and is hardly meant, such as `protocol: http`; that exits 0.
    """
    found = reading(filename, strict=True)
    show_problems(sorted(found.problems, key=lambda problem: (problem.file, problem.line, problem.path)))
    doubts = show_doubts(found.manifests)
    warnings = f", {counted(doubts, 'warning')}" if doubts else ""
    count = len(found.manifests)
    if found.problems:
        write(f"{counted(len(found.problems), 'problem')}, {counted(count, 'resource')} without{warnings}")
        return Exit.PROBLEM
    write(f"{counted(count, 'resource')}, no problems{warnings}")
    return Exit.OK
