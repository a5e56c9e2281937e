"""A secret shows itself nowhere."""

import pickle
from dataclasses import dataclass

import pytest

from sekisho.identity.secret import Secret


@dataclass
class Holder:
    token: Secret[str]


def test_no_form_of_printing_shows_a_secret() -> None:
    secret = Secret("tops3cret")
    for text in (
        repr(secret),
        str(secret),
        f"{secret}",
        repr(Holder(secret)),
        repr({"a": [secret]}),
    ):
        assert "tops3cret" not in text
        assert "[redacted]" in text
    assert secret.reveal() == "tops3cret"


def test_a_secret_is_not_pickled() -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Secret(b"x"))
