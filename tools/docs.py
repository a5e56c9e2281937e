"""Derived pages: `make docs` writes docs/reference from the code; a test holds them up to date."""

import sys
from pathlib import Path

import grimp
from prometheus_client import REGISTRY
from tools import kind_page

import sekisho.control.metrics  # noqa: F401 - registers them

REFERENCE = Path(__file__).parent.parent / "docs" / "reference"
NOTE = "<!-- made by `make docs`; do not edit -->\n\n"


def pages() -> dict[str, str]:
    """File name → content."""
    return {"imports.md": _imports(), "kinds.md": NOTE + kind_page.kinds(), "metrics.md": _metrics()}


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
