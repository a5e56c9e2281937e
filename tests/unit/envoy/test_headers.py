"""Two changes of headers made into one do what the two did."""

from hypothesis import given
from hypothesis import strategies as st

from sekisho import ir
from sekisho.envoy.headers import header_edits, in_sequence

names = st.sampled_from(["a", "b", "c"])
pairs = st.lists(st.tuples(names, st.sampled_from(["1", "2", "3"])), max_size=3).map(tuple)
edits = st.builds(ir.HeaderEdits, set=pairs, add=pairs, remove=st.lists(names, max_size=2).map(tuple))
headers = st.dictionaries(names, st.lists(st.just("0"), min_size=1, max_size=2))


def apply(change: ir.HeaderEdits, before: dict[str, list[str]]) -> dict[str, list[str]]:
    """What the words in `ir.HeaderEdits` mean."""
    after = {name: list(values) for name, values in before.items() if name not in change.remove}
    for name, value in change.set:
        after[name] = [value]
    for name, value in change.add:
        after.setdefault(name, []).append(value)
    return after


@given(edits, edits, headers)
def test_one_change_does_what_two_did(
    first: ir.HeaderEdits, then: ir.HeaderEdits, before: dict[str, list[str]]
) -> None:
    assert apply(in_sequence(first, then), before) == apply(then, apply(first, before))


def test_no_change_is_not_written_down() -> None:
    assert header_edits(ir.HeaderEdits(), ir.HeaderEdits()) == {}


def test_text_of_users_is_never_a_command_of_envoy() -> None:
    written = header_edits(ir.HeaderEdits(set=(("x", "%REQ(y)% 100%"),)), ir.HeaderEdits())
    assert written["request_headers_to_add"][0]["header"]["value"] == "%%REQ(y)%% 100%%"
