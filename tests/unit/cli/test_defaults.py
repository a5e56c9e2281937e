"""Help says a default where there is one to say."""

from collections.abc import Callable
from typing import Any

import pytest

from sekisho.cli.defaults import shown_default


@pytest.mark.parametrize("value", ["", (), None, False, 0])
def test_what_is_not_given_by_default_is_not_told(value: object) -> None:
    assert shown_default(value) is None


def test_help_tells_defaults_and_no_empty_ones(sekisho: Callable[..., Any]) -> None:
    told = sekisho("explain", "--help").out
    assert "[default: GET]" in told
    assert "default: ()" not in told
    assert 'default: ""' not in told
    assert "default: False" not in told
    assert "[default: ]" not in told
