"""`sekisho validate`: check YAML files without a control plane."""

from sekisho.cli.files import reading
from sekisho.cli.options import Files
from sekisho.cli.terminal import Exit, counted, show_problems, write


async def validate(*, filename: Files) -> Exit:
    """Check files offline. Shows every problem with file and line; exits 1 when there is one."""
    found = reading(filename, strict=True)
    show_problems(sorted(found.problems, key=lambda problem: (problem.file, problem.line, problem.path)))
    count = len(found.manifests)
    if found.problems:
        write(f"{counted(len(found.problems), 'problem')}, {counted(count, 'resource')} without")
        return Exit.PROBLEM
    write(f"{counted(count, 'resource')}, no problems")
    return Exit.OK
