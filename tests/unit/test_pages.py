"""What the written pages promise: links lead somewhere, commands exist, resources are valid."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from sekisho.app.folder.manifests import read_text
from sekisho.cli.commands import application

ROOT = Path(__file__).parent.parent.parent
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
]
LINK = re.compile(r"\]\((?!https?:)(?P<file>[^)#]*)(?:#(?P<part>[^)]*))?\)")
COMMAND = re.compile(r"(?:^|`|\| )sekisho(?P<rest>(?: [a-z][a-z-]*)+)(?P<options>[^`\n|#]*)", re.MULTILINE)
BLOCK = re.compile(r"```yaml\n(?P<text>apiVersion.*?|# \S+\napiVersion.*?)```", re.DOTALL)


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.finditer(page.read_text()):
        target = (page.parent / link["file"]).resolve() if link["file"] else page
        assert target.exists(), link[0]
        if link["part"]:
            assert link["part"] in anchors(target), link[0]


@pytest.mark.parametrize("folder", ["how-to", "decisions"])
def test_every_page_is_in_the_list_of_its_folder(folder: str) -> None:
    index = ROOT / "docs" / folder / "README.md"
    listed = {link["file"] for link in LINK.finditer(index.read_text())}
    assert {page.name for page in index.parent.glob("*.md")} - listed == {index.name}


def commands() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for found in COMMAND.finditer(page.read_text()):
            yield found["rest"].split()[0], found[0]


def test_every_command_in_the_pages_exists() -> None:
    known = set(application())
    written = dict(commands())
    assert {"up", "apply", "explain", "status", "token", "certificate"} <= set(written)
    assert {name: line for name, line in written.items() if name not in known} == {}


FENCED = re.compile(r"^```\w*\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
TYPED = re.compile(r"^(?:[a-z]*\$ |sudo )?sekisho (?P<rest>.*)$", re.MULTILINE)
BEYOND = re.compile(r"\s(?:#|\||>|&|\u2026).*$")
"""Comments, and what the shell does with it."""


def typed() -> Iterator[list[str]]:
    """Each command in a block of a page, as its words after `sekisho`."""
    for page in PAGES:
        for block in FENCED.finditer(page.read_text()):
            for found in TYPED.finditer(re.sub(r"\\\n\s*", "", block["text"])):
                yield shlex.split(BEYOND.sub("", found["rest"]))


@pytest.mark.parametrize("words", sorted(set(map(tuple, typed()))), ids=" ".join)
def test_every_command_in_the_pages_can_be_typed(words: tuple[str, ...]) -> None:
    """With these options and as many arguments."""
    application().parse_args(words, exit_on_error=False, print_error=False)


def test_every_resource_in_the_pages_is_valid() -> None:
    blocks = [(page, block["text"]) for page in PAGES for block in BLOCK.finditer(page.read_text())]
    assert len(blocks) >= 2
    assert [problem for page, text in blocks for problem in read_text(text, str(page)).problems] == []
