"""How a request that is only talked about is written on the command line."""

from typing import Annotated

from cyclopts import Parameter

from sekisho.cli.terminal import Exit, Failure

Headers = Annotated[
    tuple[str, ...], Parameter(name=["-H", "--header"], help="A request header: 'name: value'.")
]
Method = Annotated[str, Parameter(name=["-X", "--request", "--method"], help="HTTP method.")]


Claims = Annotated[
    tuple[str, ...],
    Parameter(name="--claim", help="A claim of the token the caller shows, which is good: 'name=value'."),
]


def token_claims(written: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Names and values. Raises Failure for what is not written as `name=value`."""
    return tuple(map(_claim, written))


def _claim(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise Failure(f"--claim {text!r} is not written as 'name=value'", code=Exit.USAGE)
    return name, value


def request_headers(written: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Names and values. Raises Failure for what is not written as `name: value`."""
    return tuple(map(_header, written))


def _header(text: str) -> tuple[str, str]:
    name, separator, value = text.partition(":")
    if not separator or not name.strip():
        raise Failure(f"-H {text!r} is not written as 'name: value'", code=Exit.USAGE)
    return name.strip(), value.strip()
