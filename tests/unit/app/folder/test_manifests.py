"""Reading folders that people are editing."""

import os
from pathlib import Path

from sekisho.app.folder.manifests import Folder, files, read_file, read_text
from sekisho.model.names import ResourceId

ONE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n"
TWO = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: two, namespace: shop}\n"
BAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: two, namespace: shop}\ndatum: {}\n"


def names(folder: Folder) -> list[str]:
    return sorted(manifest.id.name for manifest in folder.read().manifests)


def write(path: Path, text: str) -> None:
    """As an editor that is quicker than the file system's clock."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text)
    os.utime(path, ns=(before + 1_000_000, before + 1_000_000))


def test_a_manifest_knows_its_place_and_its_namespace() -> None:
    reading = read_text(f"---\n{ONE}---\n{TWO}", "a.yaml", namespace="here")
    assert [manifest.id for manifest in reading.manifests] == [
        ResourceId("ConfigMap", "here", "one"),
        ResourceId("ConfigMap", "shop", "two"),
    ]
    assert [manifest.source for manifest in reading.manifests] == ["a.yaml:2", "a.yaml:6"]
    assert reading.manifests[0].object["metadata"] == {"name": "one", "namespace": "here"}


def test_a_problem_is_at_the_line_of_its_field() -> None:
    manifest = read_text(TWO, "a.yaml").manifests[0]
    problem = manifest.problem("metadata.namespace", "is gone")
    assert (problem.file, problem.line) == ("a.yaml", 3)


def test_a_resource_written_twice_is_told_and_the_first_one_counts(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", TWO)
    write(tmp_path / "b.yaml", TWO)
    reading = Folder(tmp_path).read()
    assert [manifest.source for manifest in reading.manifests] == [f"{tmp_path}/a.yaml:1"]
    assert reading.problems[0].message == f"ConfigMap/shop/two is also at {tmp_path}/a.yaml:1"


def test_of_a_broken_document_the_last_good_one_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    write(path, f"{ONE}---\n{TWO}")
    folder = Folder(tmp_path)
    folder.read()
    write(path, f"{ONE}---\n{BAD}")
    reading = folder.read()
    assert {manifest.id.name for manifest in reading.manifests} == {"one", "two"}
    assert "datum" not in next(m for m in reading.manifests if m.id.name == "two").object
    assert [(problem.path, problem.line) for problem in reading.problems] == [("datum", 8)]


def test_of_a_file_that_is_no_yaml_everything_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    write(path, f"{ONE}---\n{TWO}")
    folder = Folder(tmp_path)
    folder.read()
    write(path, "a: [")
    assert names(folder) == ["one", "two"]
    write(path, ONE)
    assert names(folder) == ["one"]


def test_a_removed_file_takes_its_resources_along(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", ONE)
    write(tmp_path / "b.yaml", TWO)
    folder = Folder(tmp_path)
    assert names(folder) == ["one", "two"]
    (tmp_path / "a.yaml").unlink()
    assert names(folder) == ["two"]


def test_a_problem_is_told_at_every_reading_until_it_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    write(path, BAD)
    folder = Folder(tmp_path)
    assert folder.read().problems == folder.read().problems != ()
    write(path, TWO)
    assert folder.read().problems == ()


def test_only_yaml_and_json_that_is_not_hidden_is_read(tmp_path: Path) -> None:
    for name in ("b.yml", "a.yaml", "c.json", ".hidden.yaml", "notes.md", "a.yaml~"):
        write(tmp_path / name, "")
    (tmp_path / ".git").mkdir()
    write(tmp_path / ".git" / "x.yaml", "")
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub" / "d.yaml", "")
    assert [path.name for path in files(tmp_path)] == ["a.yaml", "b.yml", "c.json", "d.yaml"]


def test_a_missing_file_is_a_problem_with_a_suggestion(tmp_path: Path) -> None:
    write(tmp_path / "gateway.yaml", "")
    (problem,) = read_file(tmp_path / "gatway.yaml").problems
    assert problem.hint == 'did you mean "gateway.yaml"?'


def test_a_document_without_kind_or_name_is_a_problem_even_when_not_checked() -> None:
    reading = read_text("metadata: {}\n---\n- 1\n", "a.yaml", strict=False)
    assert [str(problem) for problem in reading.problems] == [
        "a.yaml:1: kind: is required",
        "a.yaml:1: metadata.name: is required",
        "a.yaml:3: expected an object with apiVersion and kind",
    ]
