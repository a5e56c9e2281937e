"""The stand-in API server as a fixture."""

import pytest

from .server import Server


@pytest.fixture
def server() -> Server:
    return Server()
