"""Addresses and names are told apart."""

import pytest

from sekisho.kit.addresses import is_address


@pytest.mark.parametrize("text", ["127.0.0.1", "::1", "2001:db8::1", "fe80::1%eth0"])
def test_addresses_are_addresses(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize(
    "text", ["", "localhost", "1.2.3", "1.2.3.4.5", "10.0.0.0/8", "[::1]", "127.0.0.1:80"]
)
def test_names_networks_and_sockets_are_none(text: str) -> None:
    assert not is_address(text)
