"""The dependency graph: push what may have changed, pull what has, stop where a result comes out equal.

A commit sets leaves, marks everything above them (their direct readers DIRTY, all further ones CHECK), then
brings indexes up to date in order of definition, then outputs. A node in CHECK first brings what it read up
to date; only if one of those came out different does it run again. So a diamond runs once, and an equal
result ends the wave. Nodes nobody reads any more are dropped at the end of the commit.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from sekisho.engine.definitions import Index, Output, Query, index, output, query

__all__ = ["Changes", "Engine", "Index", "Output", "Query", "Read", "index", "output", "query"]

_CLEAN, _CHECK, _DIRTY, _RUNNING = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Changes:
    """What a commit changed."""

    outputs: Mapping[Output[Any], Mapping[Any, Any]]
    """Per output: key → its new value, or None when it is gone. Equal values are not here."""
    failures: Mapping[tuple[str, Any], Exception] = field(default_factory=dict)
    """Indexes and outputs (by name and key) whose function raised: a fault of ours. They keep their last
    value, and nobody else is disturbed."""


class _Failed:
    """Stands as a node's value while its function raises; whoever reads it meets the same exception."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        self.error = error


_FEW = 6
"""Up to so many users are kept in a tuple, a quarter of the size of a set; most nodes have one or two."""


class _Node:
    """A leaf, a bucket, a call of a query, or a terminal (one key of an index or output)."""

    __slots__ = ("deps", "key", "owner", "rank", "state", "users", "value")

    def __init__(self, owner: Any, key: Any) -> None:
        self.owner = owner
        """A Query, the _Table of a terminal, or None for leaves and buckets, which are never computed."""
        self.key = key
        self.value: Any = None
        self.deps: tuple[_Node, ...] = ()
        self.users: set[_Node] | tuple[_Node, ...] = ()
        """Who has read it, each once."""
        self.state = _CLEAN if owner is None else _DIRTY
        self.rank = 0
        """The highest rank of the indexes it has read from, directly or not."""

    def add_user(self, user: "_Node") -> None:
        users = self.users
        if type(users) is set:
            users.add(user)
        elif user not in users:
            self.users = (*users, user) if len(users) < _FEW else {*users, user}

    def drop_user(self, user: "_Node") -> None:
        users = self.users
        if type(users) is set:
            users.discard(user)
        else:
            self.users = tuple(other for other in users if other is not user)


class _Bucket(_Node):
    """The source keys under one bucket key; handed out as a frozenset made when first asked for."""

    __slots__ = ("members", "table")

    def __init__(self, table: "_Table", key: Any) -> None:
        super().__init__(None, key)
        self.members: set[Any] = set()
        self.table = table
        self.rank = table.rank

    def frozen(self) -> frozenset[Any]:
        if self.value is None:
            self.value = frozenset(self.members)
        return self.value  # type: ignore[no-any-return]


class _Table:
    """The running state of one index or output: a terminal per source key, and what waits for a refresh."""

    def __init__(self, definition: Index | Output[Any], rank: int) -> None:
        self.definition = definition
        self.name = definition.name
        self.compute: Callable[[Read, Any], Any] = (
            definition.build if isinstance(definition, Output) else definition.places
        )
        """What a terminal's value is."""
        self.rank = rank
        self.terminals: dict[Any, _Node] = {}
        self.buckets: dict[Hashable, _Bucket] = {}
        """Of an index only: those with members."""
        self.empty: dict[Hashable, _Bucket] = {}
        """Of an index only: those that have readers and no members."""
        self.sources: list[Mapping[Any, Any]] = []
        """What has its keys: buckets of indexes, leaves of kinds."""
        self.stale: dict[Any, None] = {}
        """Source keys to look at, in order of arrival."""
        self.followers: list[_Table] = []
        """Tables whose source is this one."""


_OUTPUT_RANK = 1 << 60


class Read:
    """The handle through which a query sees the world; everything read is recorded."""

    __slots__ = ("_engine", "_recording")

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine
        self._recording: dict[_Node, None] = engine._orphans
        """What the running query has read. Outside of any query, reads keep nothing alive."""

    def leaf(self, key: Hashable) -> Any:
        """The value of a leaf, or None when there is none; either way the reader depends on it."""
        node = self._engine._leaves.get(key) or self._engine._leaf(key)
        self._recording[node] = None
        return node.value

    def bucket(self, index: Index, key: Hashable) -> frozenset[Any]:
        """The source keys that stand under `key`."""
        bucket = self._engine._bucket(index, key)
        self._recording[bucket] = None
        return bucket.frozen()

    def count(self, index: Index, key: Hashable) -> int:
        """How many source keys stand under `key`."""
        bucket = self._engine._bucket(index, key)
        self._recording[bucket] = None
        return len(bucket.members)

    def _call(self, query: Query[Any, Any], args: tuple[Any, ...]) -> Any:
        """The hot path: a call that is up to date costs two look-ups."""
        engine = self._engine
        calls = engine._queries[query]
        node = calls.get(args)
        if node is None:
            node = calls[args] = _Node(query, args)
        self._recording[node] = None
        state = node.state
        if state == _DIRTY:
            engine._run(node)
        elif state != _CLEAN:
            engine._refresh(node)
        if node.rank >= engine._ceiling:
            engine._refuse(query)
        value = node.value
        if type(value) is _Failed:
            raise value.error
        return value


class Engine:
    """Holds leaves, and keeps indexes and outputs equal to what their functions say about them.

    One owner, one thread. `commit` is the only way in; its cost is that of the functions it had to run again.
    """

    def __init__(self, outputs: Iterable[Output[Any]]) -> None:
        """`outputs` are kept up to date, with every index they need; other queries run when asked for."""
        self._orphans: dict[_Node, None] = {}
        self.read = Read(self)
        """Reads from outside of any query: sees the state after the last commit."""
        self.runs: Counter[str] = Counter()
        """How often each query, index and output has run, by name."""
        self._leaves: dict[Hashable, _Node] = {}
        self._queries: defaultdict[Query[Any, Any], dict[tuple[Any, ...], _Node]] = defaultdict(dict)
        self._tables: dict[Index | Output[Any], _Table] = {}
        self._order: list[_Table] = []
        self._by_kind: dict[str, list[_Table]] = {}
        self._kinds: defaultdict[str, dict[Hashable, None]] = defaultdict(dict)
        self._refreshing: list[_Table] = []
        self._ceiling = _OUTPUT_RANK
        """The rank of the table being settled: it may depend on indexes below only."""
        self._failures: dict[tuple[str, Any], Exception] = {}
        self._changed: dict[Output[Any], dict[Any, Any]] = {}
        for wanted in outputs:
            self._table(wanted)

    def commit(self, leaves: Mapping[Any, Any]) -> Changes:
        """Set leaves (None removes one) and bring everything up to date. Equal values cost a comparison.

        A leaf's key is a tuple whose first item is its kind.
        """
        self._changed, self._failures = {}, {}
        for key, value in leaves.items():
            self._set(key, value)
        for table in self._order:  # an index met for the first time meanwhile inserts itself, up to date
            self._settle(table)
        self._collect()
        return Changes({name: keys for name, keys in self._changed.items() if keys}, self._failures)

    def keys(self, definition: Index | Output[Any]) -> Iterable[Any]:
        """The bucket keys of an index, or the keys of an output that have a value."""
        table = self._table(definition)
        if isinstance(definition, Index):
            return table.buckets.keys()
        return (key for key, node in table.terminals.items() if node.value is not None)

    def value(self, output: Output[Any], key: Any) -> Any:
        """The value of one key of an output; None when it has none."""
        node = self._table(output).terminals.get(key)
        return None if node is None else node.value

    @property
    def size(self) -> int:
        """How many nodes there are: for a metric, and for tests that nothing leaks."""
        tables = sum(len(table.terminals) + len(table.buckets) + len(table.empty) for table in self._order)
        return len(self._leaves) + sum(map(len, self._queries.values())) + tables

    # ---- leaves

    def _leaf(self, key: Hashable) -> _Node:
        node = self._leaves.get(key)
        if node is None:
            node = self._leaves[key] = _Node(None, key)
        return node

    def _set(self, key: Any, value: Any) -> None:
        node = self._leaf(key)
        before = node.value
        if before is value or before == value:
            if value is None:
                self._orphans[node] = None
            return
        node.value = value
        self._mark(node)
        if value is None:
            self._kinds[key[0]].pop(key, None)
            self._orphans[node] = None
        elif before is None:
            self._kinds[key[0]][key] = None
        if value is None or before is None:
            for table in self._by_kind.get(key[0], ()):
                table.stale[key] = None

    # ---- tables: indexes and outputs

    def _table(self, definition: Index | Output[Any]) -> _Table:
        table = self._tables.get(definition)
        return self._add_table(definition) if table is None else table

    def _add_table(self, definition: Index | Output[Any]) -> _Table:
        rank = definition.rank if isinstance(definition, Index) else _OUTPUT_RANK
        table = _Table(definition, rank)
        for source in definition.sources:
            if isinstance(source, Index):
                feeder = self._table(source)
                feeder.followers.append(table)
                table.sources.append(feeder.buckets)
            else:
                self._by_kind.setdefault(source, []).append(table)
                table.sources.append(self._kinds[source])
        table.stale = dict.fromkeys(key for source in table.sources for key in source)
        self._tables[definition] = table
        self._order = sorted([*self._order, table], key=lambda one: one.rank)
        self._settle(table)
        return table

    def _bucket(self, index: Index, key: Hashable) -> _Bucket:
        if index.rank >= self._ceiling:
            self._refuse(index)
        table = self._tables.get(index) or self._table(index)
        bucket = table.buckets.get(key) or table.empty.get(key)
        if bucket is None:
            bucket = table.empty[key] = _Bucket(table, key)
        return bucket

    def _settle(self, table: _Table) -> None:
        """Run what is stale; an index moves its keys between buckets, an output notes what changed."""
        if not table.stale:
            return
        self._refreshing.append(table)
        outer, self._ceiling = self._ceiling, table.rank
        try:
            while table.stale:
                stale, table.stale = table.stale, {}
                for key in stale:
                    self._settle_key(table, key)
        finally:
            self._ceiling = outer
            self._refreshing.pop()

    def _settle_key(self, table: _Table, key: Any) -> None:
        node = table.terminals.get(key)
        for source in table.sources:
            if key in source:
                break
        else:
            if node is not None:
                del table.terminals[key]
                self._unlink(node)
                if node.value is not None:  # a key without a value was never told of
                    self._terminal_changed(table, key, node.value, None)
            return
        if node is None:
            node = table.terminals[key] = _Node(table, key)
        before = node.value
        if node.state == _DIRTY:
            self._run(node)
        else:
            self._refresh(node)
        if node.value is not before:
            self._terminal_changed(table, key, before, node.value)

    def _terminal_changed(self, table: _Table, key: Any, before: Any, after: Any) -> None:
        if isinstance(table.definition, Output):
            self._changed.setdefault(table.definition, {})[key] = after
            return
        old, new = before or (), after or ()
        for bucket_key in set(old).difference(new):
            self._leave(table, bucket_key, key)
        for bucket_key in new if not old else set(new).difference(old):
            self._enter(table, bucket_key, key)

    def _enter(self, table: _Table, bucket_key: Hashable, key: Any) -> None:
        bucket = table.buckets.get(bucket_key)
        if bucket is None:
            bucket = table.empty.pop(bucket_key, None) or _Bucket(table, bucket_key)
            table.buckets[bucket_key] = bucket
            for follower in table.followers:
                follower.stale[bucket_key] = None
        bucket.members.add(key)
        bucket.value = None
        self._mark(bucket)

    def _leave(self, table: _Table, bucket_key: Hashable, key: Any) -> None:
        bucket = table.buckets[bucket_key]
        bucket.members.discard(key)
        bucket.value = None
        self._mark(bucket)
        if not bucket.members:
            del table.buckets[bucket_key]
            table.empty[bucket_key] = bucket
            self._orphans[bucket] = None
            for follower in table.followers:
                follower.stale[bucket_key] = None

    # ---- queries

    def _refuse(self, asked: Index | Query[Any, Any]) -> NoReturn:
        """An index that read a later one could see its last commit's buckets: refused at the first try."""
        reader = self._refreshing[-1].definition
        raise RuntimeError(f"{reader} depends on {asked}, which is or reads an index defined after it")

    def _mark(self, node: _Node) -> None:
        """Direct users have to run again; further ones have to look."""
        wave, state = list(node.users), _DIRTY
        while wave:
            further: list[_Node] = []
            for user in wave:
                if user.state == _CLEAN:
                    further.extend(user.users)
                    if type(user.owner) is _Table:
                        user.owner.stale[user.key] = None
                user.state = max(user.state, state)
            wave, state = further, _CHECK

    def _refresh(self, node: _Node) -> None:
        """Bring a computed node up to date."""
        if node.state == _RUNNING:
            raise RuntimeError(f"{node.owner} depends on itself")
        if node.state == _CHECK:
            for dep in node.deps:
                if dep.state != _CLEAN:
                    self._refresh(dep)
                    if node.state == _DIRTY:
                        break
            else:
                node.state = _CLEAN
        if node.state == _DIRTY:
            self._run(node)

    def _run(self, node: _Node) -> None:
        owner, read = node.owner, self.read
        outer = read._recording
        recording: dict[_Node, None] = {}
        read._recording = recording
        node.state = _RUNNING
        self.runs[owner.name] += 1
        key = node.key
        try:
            value = owner.function(read, *key) if type(owner) is Query else owner.compute(read, key)
        except Exception as error:  # noqa: BLE001 - isolation: only who reads or publishes it meets it
            value = self._failed(node, error)
        finally:
            read._recording = outer
            node.state = _CLEAN
            self._relink(node, recording)
        before = node.value
        if before is value or (type(before) is type(value) and before == value):
            return
        node.value = value
        for user in node.users:
            user.state = _DIRTY

    def _failed(self, node: _Node, error: Exception) -> Any:
        """The value of a node whose function raised: an index or output keeps its last one."""
        if type(node.owner) is Query:
            return _Failed(error)
        self._failures[node.owner.name, node.key] = error
        return node.value

    def _relink(self, node: _Node, recording: dict[_Node, None]) -> None:
        rank = 0
        for dep in recording:
            if dep.rank > rank:  # noqa: PLR1730 - max() is a call, and this loop is the hottest there is
                rank = dep.rank
            dep.add_user(node)
        for dep in node.deps:
            if dep not in recording:
                dep.drop_user(node)
                if not dep.users:
                    self._orphans[dep] = None
        node.deps = tuple(recording)
        node.rank = rank

    def _unlink(self, node: _Node) -> None:
        self._relink(node, {})

    def _collect(self) -> None:
        """Drop what nobody reads: leaves without a value, empty buckets, calls of queries."""
        while self._orphans:
            node, _ = self._orphans.popitem()
            if node.users:
                continue
            if type(node.owner) is Query:
                self._queries[node.owner].pop(node.key, None)
                self._unlink(node)
            elif isinstance(node, _Bucket):
                node.table.empty.pop(node.key, None)
            elif node.owner is None and node.value is None:
                self._leaves.pop(node.key, None)
