"""Derived pages: `make docs` writes docs/reference from the code; a test holds them up to date."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import grimp
import msgspec
from prometheus_client import REGISTRY

import sekisho.control.metrics  # noqa: F401 - registers them
from sekisho.model.kinds import KINDS, Kind

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"
NOTE = "<!-- made by `make docs`; do not edit -->\n\n"


def pages() -> dict[str, str]:
    """File name → content."""
    return {"imports.md": _imports(), "kinds.md": _kinds(), "metrics.md": _metrics()}


def _imports() -> str:
    """Which room imports which, drawn as Mermaid; floors from top to bottom."""
    graph = grimp.build_graph("sekisho")
    rooms = sorted(name for name in graph.find_children("sekisho") if graph.find_children(name))
    edges = (
        f"  {_short(importer)} --> {_short(imported)}"
        for importer in rooms
        for imported in rooms
        if importer != imported
        and graph.direct_import_exists(importer=importer, imported=imported, as_packages=True)
    )
    return NOTE + "\n".join(["# Rooms and their imports\n", "```mermaid", "flowchart TD", *edges, "```", ""])


def _short(module: str) -> str:
    return module.removeprefix("sekisho.")


def _kinds() -> str:
    kinds = sorted(KINDS.values(), key=lambda one: (one.group, one.kind))
    return NOTE + "\n".join(["# Kinds\n", *map(_kind, kinds)])


def _kind(kind: Kind) -> str:
    names = ", ".join(f"`{name}`" for name in (kind.plural, *kind.short_names))
    scope = "namespaced" if kind.namespaced else "cluster-wide"
    rows = "\n".join(_rows(kind.type, "", 0))
    table = f"\n| field | meaning |\n|---|---|\n{rows}\n" if rows else "\n"
    return f"## {kind.kind}\n\n`{kind.api_version}`, {scope}; {names}\n{table}"


def _rows(struct: Any, path: str, depth: int) -> Iterator[str]:
    for field in msgspec.structs.fields(struct):
        if field.encode_name in ("apiVersion", "kind", "metadata", "status"):
            continue
        name = f"{path}{field.encode_name}"
        inner, many, meaning = _look_into(field.type)
        yield f"| `{name}{'[]' if many else ''}` | {meaning.replace('|', chr(92) + '|')} |"
        if inner is not None and depth < 5:
            yield from _rows(inner, f"{name}{'[]' if many else ''}.", depth + 1)


def _look_into(annotation: Any) -> tuple[Any, bool, str]:
    """The struct inside a field's type, whether there are many of it, and the field's description."""
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return annotation, False, ""
    meaning = next(
        (
            one.description or ""
            for one in getattr(annotation, "__metadata__", ())
            if isinstance(one, msgspec.Meta)
        ),
        "",
    )
    inner, many = None, getattr(annotation, "__origin__", None) is tuple
    for argument in (*get_args(annotation), *((annotation.__origin__,) if meaning else ())):
        found, is_many, said = _look_into(argument) if argument is not Ellipsis else (None, False, "")
        inner, many, meaning = inner or found, many or is_many, meaning or said
    return inner, many, meaning


def _metrics() -> str:
    lines = [
        "# Metrics\n",
        "Served at `/metrics` of the API, to holders of a token.\n",
        "| metric | type | meaning |",
        "|---|---|---|",
    ]
    found = sorted(REGISTRY.collect(), key=lambda one: one.name)
    lines += [
        f"| `{one.name}` | {one.type} | {one.documentation} |"
        for one in found
        if one.name.startswith("sekisho")
    ]
    return NOTE + "\n".join([*lines, ""])


def main() -> int:
    """Write the pages; with --check, only say whether they are up to date."""
    stale = [
        name
        for name, text in pages().items()
        if not (REFERENCE / name).exists() or (REFERENCE / name).read_text() != text
    ]
    if "--check" in sys.argv:
        print(f"stale: {', '.join(stale)}; run `make docs`" if stale else "up to date")
        return 1 if stale else 0
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
