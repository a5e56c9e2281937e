"""Derived pages are what the code says now."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_reference_pages_are_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("docs_tool", ROOT / "tools" / "docs.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    stale = [
        name for name, text in tool.pages().items() if (ROOT / "docs/reference" / name).read_text() != text
    ]
    assert not stale, f"run `make docs`: {', '.join(stale)}"
