"""Replacing prefixes: by Envoy's plain replacement where possible, by pattern where not."""

import re

import pytest

from sekisho import ir
from sekisho.envoy.path_rewrite import literally, prefix_rewrite


@pytest.mark.parametrize(
    ("matched", "replacement", "fields"),
    [
        ("/a", "/b", {"prefix_rewrite": "/b"}),
        ("/a", "/b/", {"prefix_rewrite": "/b"}),
        ("/", "/b", {"prefix_rewrite": "/b/"}),
        ("/", "/", {}),
        ("/", "", {}),
    ],
)
def test_a_plain_replacement_is_enough(matched: str, replacement: str, fields: dict[str, str]) -> None:
    assert prefix_rewrite(ir.PathPrefix(matched), replacement) == fields


@pytest.mark.parametrize("matched", ["/a", "/a.b", "/a(b", "/a[b]", "/a\\b", "/a+", "/a$", "/~a|b"])
def test_a_prefix_in_a_pattern_means_itself(matched: str) -> None:
    pattern = prefix_rewrite(ir.PathPrefix(matched), "/")["regex_rewrite"]["pattern"]["regex"]
    assert re.sub(pattern, "/", matched + "/rest") == "/rest"
    assert re.sub(pattern, "/", "/other/rest") == "/other/rest"


def test_a_match_without_a_prefix_has_none_to_replace() -> None:
    with pytest.raises(TypeError):
        prefix_rewrite(ir.PathRegex("/a"), "/b")


def test_a_backslash_stays_one() -> None:
    assert literally(r"/a\1") == r"/a\\1"
