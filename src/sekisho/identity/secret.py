"""A value that must not be printed: tokens and private keys travel wrapped in it."""

from typing import Generic, TypeVar

Value = TypeVar("Value", str, bytes)


class Secret(Generic[Value]):
    """Holds a token or key so that logs, tracebacks and dataclass reprs show `[redacted]`.

    Compares by identity, so that no comparison of secrets can leak by its timing.
    """

    __slots__ = ("_value",)

    def __init__(self, value: Value) -> None:
        self._value: Value = value

    def reveal(self) -> Value:
        """The value itself. Every use of it can be found by searching for `.reveal()`."""
        return self._value

    def __repr__(self) -> str:
        return "[redacted]"

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")
