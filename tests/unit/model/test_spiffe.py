"""The forms of SPIFFE identities, against the reader of certificates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.identity.spiffe import SpiffeId
from sekisho.model.spiffe import identity_fault, path_fault, prefix_fault, trust_domain_fault


@pytest.mark.parametrize("text", ["spiffe://a.b/ns/shop/sa/cart", "spiffe://a_b-1/x"])
def test_good_identities(text: str) -> None:
    assert identity_fault(text) == ""
    assert prefix_fault(text) == ""


@pytest.mark.parametrize("text", ["spiffe://a.b", "spiffe://a.b/", "spiffe://a.b/ns/", "spiffe://a.b/ns"])
def test_leading_segments(text: str) -> None:
    assert prefix_fault(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.b/ns/x",
        "spiffe://",
        "spiffe:///x",
        "spiffe://A.b/x",
        "spiffe://a.b:80/x",
        "spiffe://me@a.b/x",
        "spiffe://a.b//x",
        "spiffe://a.b/x/../y",
        "spiffe://a.b/%2e",
        "spiffe://a.b/x?y",
        "spiffe://a.b/" + "x" * 2048,
    ],
)
def test_bad_ones(text: str) -> None:
    assert identity_fault(text)
    assert prefix_fault(text)


def test_each_part_says_what_was_expected() -> None:
    assert trust_domain_fault("A").startswith("a trust domain of lower-case letters")
    assert path_fault("x") == "a path that begins with `/`"
    assert path_fault("") == "a path that begins with `/`"
    assert "none of them empty" in path_fault("/")
    assert identity_fault("https://a.b/x") == "an identity that begins with `spiffe://`"


@given(st.text("aA1.:/-_%é", max_size=12))
def test_what_may_be_written_is_what_certificates_may_say(rest: str) -> None:
    text = f"spiffe://{rest}"
    try:
        SpiffeId.parse(text)
        is_good = True
    except ValueError:
        is_good = False
    assert (identity_fault(text) == "") is is_good
