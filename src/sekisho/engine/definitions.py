"""What a program for the engine is made of: queries, indexes and outputs. They hold no state."""

from collections.abc import Callable, Hashable, Iterable
from itertools import count
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeAlias, TypeVar

if TYPE_CHECKING:
    from sekisho.engine.graph import Read

P = ParamSpec("P")
R = TypeVar("R")
V = TypeVar("V")

Source: TypeAlias = "str | Index | Output[Any] | tuple[str | Index | Output[Any], ...]"
"""Where an index takes its keys from: all leaves of a kind, the bucket keys of another index, or several."""


Where: TypeAlias = Callable[[Any], bool]
"""Which keys of its source an index or output is about, by the key alone: the others cost nothing."""


def _where_of(source: Source) -> "Where | None":
    """That of the output it has its keys from, where it is made of one."""
    return source.where if isinstance(source, Output) else None


def _sources(source: Source) -> "tuple[str | Index, ...]":
    parts = source if isinstance(source, tuple) else (source,)
    return tuple(one for part in parts for one in (part.sources if isinstance(part, Output) else (part,)))


_ranks = count(1)


class Failed:
    """Stands as a node's value while its function raises; whoever reads it meets the same exception."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        self.error = error


_READ_AND_ONE = 2
"""Arguments of a function of one, with the handle."""


class Query(Generic[P, R]):
    """A plain function of a read handle, memoised per arguments. Call it like the function it wraps."""

    def __init__(self, function: "Callable[Concatenate[Read, P], R]") -> None:
        self.takes_one = function.__code__.co_argcount == _READ_AND_ONE
        """Then its argument is the cache key, and needs no tuple around it: as most queries do."""
        self.compute: Callable[[Read, Any], R] = function if self.takes_one else _spread(function)
        """The result for a cache key."""
        self.__doc__ = function.__doc__
        self.name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"

    if TYPE_CHECKING:

        def __call__(self, read: Read, *args: P.args, **kwargs: P.kwargs) -> R:
            """Positional arguments only: they are its cache key."""

    else:  # without **kwargs: every call would make a dict for them

        def __call__(self, read: "Read", *args: Any) -> Any:
            """See above. What is up to date is found here: it is half of all calls, and a call is dear."""
            key = args[0] if self.takes_one else args
            node = read.calls[self].get(key)
            if node is None or node.state or node.rank >= read.ceiling:
                return read.call(self, key)
            read.recording[node] = None
            value = node.value
            if type(value) is Failed:
                raise value.error
            return value

    def __repr__(self) -> str:
        return f"<query {self.name}>"


def _spread(function: Callable[..., R]) -> "Callable[[Read, Any], R]":
    def compute(read: "Read", args: tuple[Any, ...]) -> R:
        return function(read, *args)

    return compute


class Index:
    """A multi-map derived from a source of keys: bucket key → the source keys that stand under it."""

    __slots__ = ("emit", "name", "rank", "sources", "when", "where")

    def __init__(
        self,
        name: str,
        source: Source,
        emit: "Callable[[Read, Any], Iterable[Hashable]]",
        where: "Where | None" = None,
        when: Source = (),
    ) -> None:
        self.name = name
        self.sources = _sources(source)
        self.emit = emit
        self.where = where
        self.when = _sources(when)
        """Without any key in these, it is empty and asks nobody; none: it always asks."""
        self.rank = next(_ranks)
        """Indexes are brought up to date in order of definition; `emit` reads earlier ones only."""

    def places(self, read: "Read", key: Any) -> tuple[Hashable, ...]:
        """The bucket keys a source key stands under. A tuple takes a quarter of what a set does."""
        return tuple(self.emit(read, key))

    def __repr__(self) -> str:
        return f"<index {self.name}>"


class Output(Generic[V]):
    """One value per bucket key of an index (or per leaf of a kind), reported when it changes."""

    __slots__ = ("build", "closes", "name", "sources", "where")

    def __init__(
        self,
        name: str,
        source: Source,
        build: "Callable[[Read, Any], V | None]",
        *,
        closes: bool = False,
        where: "Where | None" = None,
    ) -> None:
        self.name = name
        self.sources = _sources(source)
        self.build = build
        self.where = _where_of(source) if where is None else where
        self.closes = closes
        """Whether a key whose function raises has no value, where others keep their last one: for what
        guards, as the last value may let somebody in who should be let in no more."""

    def __repr__(self) -> str:
        return f"<output {self.name}>"


def query(function: "Callable[Concatenate[Read, P], R]") -> Query[P, R]:
    """Decorator: make `function(read, *args)` a memoised query."""
    return Query(function)


def index(
    name: str,
    source: Source,
    emit: "Callable[[Read, Any], Iterable[Hashable]]",
    where: Where | None = None,
    when: Source = (),
) -> Index:
    """Define an index: `emit(read, source_key)` says under which bucket keys a source key stands.

    `where`: see `Where`. `when`: kinds of leaves, or indexes, without any of which no source key stands
    anywhere, so that what nobody uses costs nothing for each source key.
    """
    return Index(name, source, emit, where, when)


def output(
    name: str,
    source: Source,
    build: "Callable[[Read, Any], V | None]",
    *,
    closes: bool = False,
    where: Where | None = None,
) -> Output[V]:
    """Define an output: `build(read, key)` makes the value of a key; None is the same as no key at all.

    `closes`: see `Output.closes`. `where`: see `Where`; that of the source, where this is an output.
    """
    return Output(name, source, build, closes=closes, where=where)
