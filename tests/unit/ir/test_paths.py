"""Spelling of paths: what Envoy was seen to make of them, case by case."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho import ir
from sekisho.ir.paths import is_acceptable, normalized_path, rewritten_path


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("/", "/"),
        ("//a///b/", "/a/b/"),
        ("//", "//"),
        ("/a/./b/..", "/a/"),
        ("/../a", "/a"),
        ("/%61%2e%7E", "/a.~"),
        ("/a%20b%c3%a9%zz%", "/a%20b%c3%a9%zz%"),
        ("/a|b{c}", "/a%7Cb%7Bc%7D"),
        ("/x/..;v=1/a", "/a"),
        ("/x/%2e%2e;/a", "/x/..;/a"),
        ("/x\\..\\a", "/a"),
        ("/a?b=//c/../%2F", "/a?b=//c/../%2F"),
    ],
)
def test_a_path_has_one_normal_spelling(written: str, meant: str) -> None:
    assert normalized_path(written) == (meant, False)


@pytest.mark.parametrize("written", ["/x/..%2fa", "/%2Fa", "/%5ca"])
def test_escaped_slashes_are_sent_back(written: str) -> None:
    assert normalized_path(written) == ("/a", True)


@given(st.text("/.;%2eEfF5cCab?~\\|", max_size=20))
def test_the_normal_spelling_never_leads_upwards(tail: str) -> None:
    path, _, _ = normalized_path(f"/{tail}")[0].partition("?")
    assert path.startswith("/")
    assert not {".", ".."} & set(path.split("/"))
    assert "\\" not in path


@pytest.mark.parametrize(
    ("path", "good"), [("/a", True), ("/a#b", False), ("/a%00", False), ("/?a%00", True)]
)
def test_fragments_and_escaped_nul_are_refused(path: str, good: bool) -> None:
    assert is_acceptable(path) is good


@pytest.mark.parametrize(
    ("rewrite", "match", "path", "becomes"),
    [
        (None, ir.PathPrefix("/a"), "/a/b?c", "/a/b?c"),
        (ir.ReplaceFullPath("/x"), ir.PathRegex(".*"), "/a/b?c", "/x?c"),
        (ir.ReplacePrefix("/x/"), ir.PathPrefix("/a"), "/a/b?/a", "/x/b?/a"),
        (ir.ReplacePrefix("/"), ir.PathPrefix("/a"), "/a", "/"),
        (ir.ReplacePrefix(""), ir.PathPrefix("/a"), "/a/b", "/b"),
        (ir.ReplacePrefix("/x"), ir.PathPrefix("/"), "/", "/x/"),
    ],
)
def test_rewrites(
    rewrite: ir.ReplaceFullPath | ir.ReplacePrefix | None, match: ir.PathMatch, path: str, becomes: str
) -> None:
    assert rewritten_path(rewrite, match, path) == becomes
