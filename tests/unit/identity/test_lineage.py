"""Serial numbers that carry the id of a token."""

import pytest

from sekisho.identity.lineage import serial_number, token_of


@pytest.mark.parametrize("token", ["", "000000000001", "0123456789ab", "ffffffffffff"])
def test_the_token_is_read_back_from_the_serial_number(token: str) -> None:
    assert token_of(serial_number(token)) == token


@pytest.mark.parametrize("token", ["", "ffffffffffff"])
def test_serial_numbers_are_distinct_positive_and_at_most_20_octets(token: str) -> None:
    numbers = {serial_number(token) for _ in range(1000)}
    assert len(numbers) == 1000
    assert all(0 < number < 1 << 159 for number in numbers)


@pytest.mark.parametrize("token", ["nothing", "1234567890abc", "-1"])
def test_what_is_no_id_is_an_error(token: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - int's own words, or ours
        serial_number(token)
