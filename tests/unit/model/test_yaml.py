"""`sekisho.model.yaml`: what people write, and what is written to hurt."""

import time

import pytest

from sekisho.model import yaml
from sekisho.model.problems import Invalid


def value(text: str) -> object:
    (document,) = yaml.load(text)
    return document.value


def refusal(text: str) -> str:
    """The one message, which must come fast."""
    start = time.process_time()
    with pytest.raises(Invalid) as refused:
        yaml.load(text, "f.yaml")
    assert time.process_time() - start < 0.5
    (problem,) = refused.value.problems
    return str(problem)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("on", "on"),
        ("no", "no"),
        ("y", "y"),
        ("Off", "Off"),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("null", None),
        ("", None),
        ("12", 12),
        ("-7", -7),
        ("012", 12),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2026-01-01", "2026-01-01"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("1.2.3.4", "1.2.3.4"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("'~'", "~"),
    ],
)
def test_plain_text_is_read_as_yaml_1_2_says(text: str, expected: object) -> None:
    found = value(f"a: {text}\n")
    assert found == {"a": expected}
    assert isinstance(found, dict)
    assert type(found["a"]) is type(expected)


def test_keys_are_always_text() -> None:
    assert value("on: 1\n80: 2\n~: 3\n") == {"on": 1, "80": 2, "~": 3}


def test_aliases_stand_for_their_value() -> None:
    assert value("a: &x {b: [1, 2]}\nc: *x\nd: [*x, *x]") == {
        "a": {"b": [1, 2]},
        "c": {"b": [1, 2]},
        "d": [{"b": [1, 2]}, {"b": [1, 2]}],
    }


def test_documents_are_told_apart_and_empty_ones_left_out() -> None:
    documents = yaml.load("---\na: 1\n---\n# nothing\n---\nb: 2\n...\n")
    assert [(document.value, document.line) for document in documents] == [({"a": 1}, 2), ({"b": 2}, 6)]


def test_an_anchor_ends_with_its_document() -> None:
    assert refusal("a: &x 1\n---\nb: *x\n") == 'f.yaml:3: alias "x" stands for nothing before it'


def test_lists_are_taken_apart_and_keep_their_lines() -> None:
    inner = "- kind: List\n  apiVersion: v1\n  items:\n  - kind: B\n"
    text = f"apiVersion: v1\nkind: List\nitems:\n- kind: A\n  b: 1\n{inner}"
    documents = yaml.load(text)
    assert [(document.value["kind"], document.line) for document in documents] == [("A", 4), ("B", 9)]
    assert documents[0].line_of("b") == 5


def test_a_list_without_items_is_refused() -> None:
    assert (
        refusal("apiVersion: v1\nkind: List\nitems: x\n") == "f.yaml:3: items: expected a list of resources"
    )


def test_a_line_is_that_of_the_innermost_thing_written() -> None:
    (document,) = yaml.load('a:\n  b:\n  - c: 1\n    "d.e/f":\n      g: 2\n')
    lines = {
        path: document.line_of(path) for path in ("", "a", "a.b", "a.b[0]", 'a.b[0]["d.e/f"].g', "a.x", "z")
    }
    assert lines == {"": 1, "a": 1, "a.b": 2, "a.b[0]": 3, 'a.b[0]["d.e/f"].g': 5, "a.x": 1, "z": 1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", 'f.yaml:3: key "a" stands twice, first on line 1'),
        (
            "a: !!python/object:os.system x",
            'f.yaml:1: tag "tag:yaml.org,2002:python/object:os.system" is not',
        ),
        ("a: !!str 5", 'f.yaml:1: tag "tag:yaml.org,2002:str" is not supported (remove it)'),
        ("a: !x [1]", 'f.yaml:1: tag "!x" is not supported (remove it)'),
        ("a: &a [*a]", 'f.yaml:1: alias "a" stands for itself'),
        ("? [a]\n: b", "f.yaml:1: a key must be plain text, not a list or an object"),
        ("a: &x b\n*x : c", "f.yaml:2: a key must be plain text, not an alias"),
        ("<<: {a: b}", "f.yaml:1: merge keys (<<) are not supported (write the fields out)"),
        ("a: [b", "f.yaml:2: not YAML: did not find expected ',' or ']'"),
        ("a: b: c", "f.yaml:1: not YAML: mapping values are not allowed in this context"),
        ("\ta: b", "f.yaml:1: not YAML: found character that cannot start any token"),
        ('a: "\0"', "f.yaml:0: not YAML: unacceptable character #x0000"),
        ("a: \ud800", "f.yaml:0: not YAML: 'utf-8' codec can't encode character"),
        (f"a: {'1' * 5000}", "f.yaml:1: a number is too long (put it in quotes if it is text)"),
        ("[" * 10_000, "f.yaml:1: nested deeper than 64 levels"),
        ("- " * 10_000, "f.yaml:1: nested deeper than 64 levels"),
        ("{a: " * 10_000, "f.yaml:1: nested deeper than 64 levels"),
        ("a: " + "x" * 10 * 1024 * 1024, "f.yaml:0: too large: 10485763 bytes, at most 10485760 are taken"),
        ("a: &a x\nb: [" + "*a, " * 101 + "]", "f.yaml:2: more than 100 aliases"),
    ],
    ids=lambda text: text[:20],
)
def test_what_we_do_not_take_is_refused_with_its_line(text: str, expected: str) -> None:
    assert refusal(text).startswith(expected)


def test_an_alias_bomb_is_counted_and_never_built() -> None:
    rounds = [
        f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    text = "\n".join(["a: &a [x, x, x, x, x, x, x, x, x]", *rounds])
    assert refusal(text) == "f.yaml:6: aliases stand for more than 100000 values"


def test_the_size_limit_is_the_callers() -> None:
    with pytest.raises(Invalid, match="at most 3 are taken"):
        yaml.load("a: b", max_bytes=3)
