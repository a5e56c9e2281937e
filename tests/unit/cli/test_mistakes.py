"""Mistakes made on purpose in every file of every example: `validate` says where, what and what was meant."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .conftest import Said

Command = Callable[..., Said]
EXAMPLES = Path(__file__).parents[3] / "examples"
FILES = sorted(EXAMPLES.rglob("*.yaml"))
FIELD = re.compile(r"(?P<lead>[\s-]*)(?P<name>[A-Za-z]+):(?: +(?P<value>[^#]*[^#\s]))?(?P<rest>(?:\s.*)?)")
FREE = {"app", "role", "version"}
"""Labels: their names are the author's."""


class Copy:
    """A copy of one example file, in which one line at a time is spoilt."""

    def __init__(self, path: Path, folder: Path, validate: Command) -> None:
        self.lines = path.read_text().splitlines()
        self.file = folder / path.name
        self._validate = validate

    def fields(self) -> Iterator[tuple[int, re.Match[str]]]:
        """Every `name:` with the number of its line."""
        for number, line in enumerate(self.lines, 1):
            found = FIELD.fullmatch(line)
            if found and found["name"] not in FREE:
                yield number, found

    def told(self, number: int, *instead: str) -> str:
        """What is said when line `number` is replaced."""
        lines = [*self.lines[: number - 1], *instead, *self.lines[number:]]
        self.file.write_text("\n".join(lines) + "\n")
        said = self._validate("validate", "-f", self.file.name)
        assert said.code == 1, f"{instead} for line {number} of {self.file.name} was taken"
        return said.err


@pytest.fixture(params=FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def copy(request: pytest.FixtureRequest, tmp_path: Path, alone: Command) -> Copy:
    return Copy(request.param, tmp_path, alone)


def test_a_misspelt_field_is_named_at_its_line_with_the_right_one(copy: Copy) -> None:
    for number, field in copy.fields():
        name = field["name"]
        wrong = f"{name[:-2]}{name[-1]}{name[-2]}"
        if wrong == name:
            continue
        told = copy.told(number, copy.lines[number - 1].replace(f"{name}:", f"{wrong}:", 1))
        if name in ("apiVersion", "kind") and not field["lead"]:
            assert f'{name}: is required (did you mean "{name}" by "{wrong}"?)' in told
        else:
            assert re.search(
                rf'{copy.file.name}:{number}: [\w.\[\]]*{wrong}: unknown field "{wrong}" '
                rf'\(did you mean "{name}"\?\)',
                told,
            ), told


def test_a_value_of_the_wrong_type_is_told_at_its_path_with_what_was_expected(copy: Copy) -> None:
    for number, field in copy.fields():
        if not field["value"]:
            continue
        wrong = "text" if field["value"].startswith("[") else "[a, list]"
        told = copy.told(number, f"{field['lead']}{field['name']}: {wrong}")
        assert re.search(rf"{copy.file.name}:{number}: [\w.\[\]]*{field['name']}: expected ", told), told


def test_a_number_that_is_none_is_told(copy: Copy) -> None:
    for number, field in copy.fields():
        if field["name"] in ("port", "weight"):
            told = copy.told(number, f"{field['lead']}{field['name']}: many")
            place = rf"{copy.file.name}:{number}: spec[\w.\[\]]*{field['name']}: "
            expected = "(expected an integer, found a string|no port of the workload is called)"
            assert re.search(f"{place}{expected}", told), told


@pytest.mark.parametrize("choice", ["PathPrefix", "Exact", "RequestHeaderModifier", "ReplacePrefixMatch"])
def test_a_misspelt_choice_is_told_with_all_choices_and_the_closest(
    tmp_path: Path, alone: Command, choice: str
) -> None:
    tried = 0
    for path in FILES:
        copy = Copy(path, tmp_path, alone)
        for number, field in copy.fields():
            if field["value"] == choice:
                tried += 1
                told = copy.told(number, f"{field['lead']}{field['name']}: {choice[:-1]}")
                assert f"{copy.file.name}:{number}: spec" in told
                assert re.search(rf'expected one of .*"{choice}".*\(did you mean "{choice}"\?\)', told), told
    assert tried


@pytest.mark.parametrize("name", ["gatewayClassName", "template", "address", "replacePrefixMatch"])
def test_a_missing_field_is_told_where_it_belongs(tmp_path: Path, alone: Command, name: str) -> None:
    tried = 0
    for path in FILES:
        copy = Copy(path, tmp_path, alone)
        for number, field in copy.fields():
            if field["name"] == name:
                tried += 1
                told = copy.told(number)
                assert re.search(rf"{path.name}:\d+: spec[\w.\[\]]*\.{name}: is required", told), told
    assert tried


def test_an_unknown_kind_is_told_with_the_closest(copy: Copy) -> None:
    for number, field in copy.fields():
        if field["name"] == "kind" and not field["lead"]:
            kind = field["value"]
            told = copy.told(number, f"kind: {kind[:-1]}")
            expected = f'{copy.file.name}:{number}: kind: unknown kind "{kind[:-1]}" (did you mean "{kind}"?)'
            assert expected in told


def test_a_wrong_version_is_told_with_the_right_one(copy: Copy) -> None:
    for number, field in copy.fields():
        if field["name"] == "apiVersion":
            told = copy.told(number, f"{copy.lines[number - 1]}beta7")
            assert f"{copy.file.name}:{number}: apiVersion: expected " in told
            assert f"(write {field['value']})" in told


def test_a_tab_is_told_as_a_tab(copy: Copy) -> None:
    for number, _ in copy.fields():
        told = copy.told(number, f"\t{copy.lines[number - 1]}")
        assert f"{copy.file.name}:{number}: not YAML: " in told
        assert "(indent with spaces, not with tabs)" in told


def test_a_line_out_of_its_place_is_told_within_one_line(copy: Copy) -> None:
    """`kind`, one space further in than its neighbours."""
    for number, field in copy.fields():
        if field["name"] == "kind" and not field["lead"]:
            told = copy.told(number, f" {copy.lines[number - 1]}")
            place = re.search(rf"{copy.file.name}:(\d+): not YAML: .*indentation", told)
            assert place, told
            assert abs(int(place[1]) - number) <= 1


def test_a_field_that_stands_twice_is_told_with_both_lines(copy: Copy) -> None:
    for number, field in copy.fields():
        if field["name"] == "spec" and not field["lead"]:
            told = copy.told(number, "kind: Again", copy.lines[number - 1])
            assert re.search(rf'{copy.file.name}:{number}: key "kind" stands twice, first on line \d+', told)
