"""An address that is not this host's is told apart from a port that is taken."""

import socket

import pytest

from sekisho.app.ports import NoSuchAddress, PortBusy, check
from sekisho.cli.failures import failure


def test_an_address_of_somebody_else_is_told_as_such() -> None:
    with pytest.raises(NoSuchAddress, match=r"7443 .* the API: this host has no such address"):
        check("192.0.2.1", 7443, "the API")


def test_what_to_do_differs() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(PortBusy) as busy:
            check("127.0.0.1", taken.getsockname()[1], "the API")
    assert not isinstance(busy.value, NoSuchAddress)
    told = [failure(one) for one in (busy.value, NoSuchAddress("x"))]
    assert [one and one.advice.partition(" ")[0] for one in told] == ["End", "Choose"]
