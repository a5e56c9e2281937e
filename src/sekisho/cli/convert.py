"""`sekisho convert`: what resources of other gateways and meshes are here."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from sekisho.cli.terminal import Exit, Failure, as_yaml, counted, err, show_problems, write
from sekisho.convert import CONVERTERS
from sekisho.model import yaml
from sekisho.model.problems import Invalid, Problem


async def convert(
    source: Literal["ingress-nginx", "kong", "kuma", "istio"],
    /,
    *files: Annotated[Path, Parameter(help="YAML files, or folders of them.")],
) -> Exit:
    """Print resources of SOURCE as ours, to stdout; what is not in them, to stderr.

    Changes nothing and asks nobody. Read the notes, then `sekisho diff -f` what it printed, and `apply` it.
    """
    if not files:
        raise Failure(
            "no files to convert", advice=f"Name some: sekisho convert {source} FILE…", code=Exit.USAGE
        )
    documents, problems = _read(files)
    show_problems(problems)
    if problems:
        return Exit.PROBLEM
    converted = CONVERTERS[source]([document.value for document in documents])
    for found in converted.objects:
        write(f"---\n{as_yaml(dict(found))}")
    notes = [
        documents[note.source].located([Problem(note.path, note.message)])[0] for note in converted.notes
    ]
    show_problems(notes)
    made, left = counted(len(converted.objects), "resource"), counted(len(notes), "note")
    err.print(f"{made} from {counted(len(documents), 'document')}, {left}")
    return Exit.OK


def _read(files: tuple[Path, ...]) -> tuple[list[yaml.Document], list[Problem]]:
    documents: list[yaml.Document] = []
    problems: list[Problem] = []
    for path in files:
        for file in sorted(path.rglob("*.y*ml")) if path.is_dir() else [path]:
            try:
                documents += yaml.load(file.read_text(encoding="utf-8"), str(file))
            except Invalid as cause:
                problems += cause.problems
            except OSError as cause:
                problems.append(Problem("", cause.strerror or "cannot be read", file=str(file)))
    return documents, problems
