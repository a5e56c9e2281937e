"""`sekisho.federation.epochs`: whether a place in a history is still one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.federation.epochs import REMEMBERED, Epochs, Token

TWO = Epochs().begun("a", 0).begun("b", 50)


@pytest.mark.parametrize(
    ("token", "known"),
    [
        (Token("a", 0), True),
        (Token("a", 50), True),
        (Token("a", 51), False),  # told after the backup was made that `b` began from
        (Token("b", 49), False),
        (Token("b", 50), True),
        (Token("b", 10**9), True),  # the store itself says whether it was ever there
        (Token("c", 50), False),
    ],
)
def test_what_is_known(token: Token, known: bool) -> None:
    assert TWO.knows(token) is known


def test_a_restored_backup_does_not_know_what_came_after_it() -> None:
    backup = str(TWO)
    told = TWO.token(70)
    later = TWO.begun("c", 80)
    assert later.knows(told)
    restored = Epochs.parse(backup).begun("d", 60)
    assert not restored.knows(told)
    assert not restored.knows(later.token(90))
    assert restored.knows(TWO.token(60))


def test_the_oldest_starts_are_forgotten() -> None:
    epochs = Epochs()
    for number in range(REMEMBERED + 1):
        epochs = epochs.begun(f"e{number}", number)
    assert not epochs.knows(Token("e0", 0))
    assert epochs.knows(Token("e1", 1))
    assert len(epochs.starts) == REMEMBERED


@given(st.lists(st.tuples(st.from_regex(r"\A[a-z0-9]{1,16}\Z"), st.integers(0, 2**53)), max_size=9))
def test_written_and_read_they_are_the_same(starts: list[tuple[str, int]]) -> None:
    epochs = Epochs()
    for name, revision in starts:
        epochs = epochs.begun(name, revision)
    assert Epochs.parse(str(epochs)) == epochs


@given(st.text())
def test_any_text_is_a_token_or_none(text: str) -> None:
    token = Token.parse(text)
    assert token is None or token.revision >= 0
    Epochs.parse(text)
