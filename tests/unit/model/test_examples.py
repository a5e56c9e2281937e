"""The upstream examples, read from their own files."""

from pathlib import Path

import msgspec
import pytest

from sekisho.model import yaml
from sekisho.model.document import check, decode
from sekisho.model.kinds import KINDS
from sekisho.model.problems import Invalid


def examples(upstream: Path) -> list[yaml.Document]:
    files = sorted((upstream / "examples").rglob("*.yaml"))
    return [document for file in files for document in yaml.load(file.read_text(), file.name)]


def is_ours(document: yaml.Document) -> bool:
    """Of a kind we serve, in a version that the standard channel serves too."""
    written = document.value
    kind = KINDS.get(written["kind"])
    return kind is not None and written["apiVersion"].rpartition("/")[2] in kind.served_versions


def test_every_example_of_our_kinds_is_taken_as_it_is(upstream: Path) -> None:
    ours = [document for document in examples(upstream) if is_ours(document)]
    checked = [document.check() for document in ours]
    assert len(checked) > 90
    assert {resource.resource.kind for resource in checked} >= {"Gateway", "GatewayClass", "HTTPRoute"}


def test_what_is_stored_reads_back_as_the_same_resource(upstream: Path) -> None:
    for document in examples(upstream):
        if is_ours(document):
            checked = document.check()
            assert decode(checked.resource.kind, msgspec.json.encode(checked.object)) == checked.resource


def test_checking_what_was_checked_changes_nothing(upstream: Path) -> None:
    for document in examples(upstream):
        if is_ours(document):
            once = document.check()
            assert check(once.resource.kind, once.object) == once


def test_every_example_of_another_kind_is_refused_by_its_kind(upstream: Path) -> None:
    for document in examples(upstream):
        if document.value["kind"] not in KINDS:
            with pytest.raises(Invalid, match="unknown kind"):
                document.check()
