"""The dependency graph: push what may have changed, pull what has, stop where a result comes out equal.

A commit sets leaves, marks everything above them (their direct readers DIRTY, all further ones CHECK), then
brings indexes up to date in order of definition, then outputs. A node in CHECK first brings what it read up
to date; only if one of those came out different does it run again. So a diamond runs once, and an equal
result ends the wave. Nodes nobody reads any more are dropped at the end of the commit.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from sekisho.engine.definitions import Failed, Index, Output, Query
from sekisho.engine.nodes import CHECK, CLEAN, DIRTY, RUNNING, Bucket, Computed, Leaf, Node, Table, mark

_OUTPUT_RANK = 1 << 60


@dataclass(frozen=True, slots=True)
class Changes:
    """What a commit changed."""

    outputs: Mapping[Output[Any], Mapping[Any, Any]]
    """Per output: key → its new value, or None when it is gone. Equal values are not here."""
    failures: Mapping[tuple[str, Any], Exception] = field(default_factory=dict)
    """Indexes and outputs (by name and key) whose function raised: a fault of ours. They keep their last
    value (outputs that close have none), and nobody else is disturbed."""


class Read:
    """The handle through which a query sees the world; everything read is recorded.

    Reading is most of what queries do, so the way to a bucket is written out in each method.
    """

    __slots__ = ("_engine", "_leaves", "_tables", "calls", "ceiling", "recording")

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine
        self._leaves = engine._leaves
        self._tables = engine._tables
        self.calls: defaultdict[Query[Any, Any], dict[Any, Computed]] = defaultdict(dict)
        """What is remembered of each query, by its argument, or all of several."""
        self.ceiling = _OUTPUT_RANK
        """The rank of the table being settled: it may depend on indexes below only."""
        self.recording: dict[Node, None] = engine._orphans
        """What the running query has read. Outside of any query, reads keep nothing alive."""

    def leaf(self, key: Hashable) -> Any:
        """The value of a leaf, or None when there is none; either way the reader depends on it."""
        node = self._leaves.get(key)
        if node is None:
            node = self._leaves[key] = Leaf(key)
        self.recording[node] = None
        return node.value

    def bucket(self, index: Index, key: Hashable) -> frozenset[Any]:
        """The source keys that stand under `key`."""
        table = self._tables.get(index)
        if table is None or index.rank >= self.ceiling:
            table = self._engine._table_below(index)
        bucket = table.buckets.get(key) or table.empty.get(key) or table.vacant(key)
        self.recording[bucket] = None
        members: frozenset[Any] | None = bucket.value
        return bucket.frozen() if members is None else members

    def count(self, index: Index, key: Hashable) -> int:
        """How many source keys stand under `key`."""
        table = self._tables.get(index)
        if table is None or index.rank >= self.ceiling:
            table = self._engine._table_below(index)
        bucket = table.buckets.get(key) or table.empty.get(key) or table.vacant(key)
        self.recording[bucket] = None
        return len(bucket.members)

    def any(self, index: Index) -> bool:
        """Whether anything stands under any key: one thing to remember for all readers of an index that is
        mostly empty, who run again when the first comes and when the last goes."""
        table = self._tables.get(index)
        if table is None or index.rank >= self.ceiling:
            table = self._engine._table_below(index)
        self.recording[table.anything] = None
        return bool(table.buckets)

    def call(self, query: Query[Any, Any], key: Any) -> Any:
        """The result of a query that is not remembered, or perhaps out of date; for `Query` itself."""
        calls, engine = self.calls[query], self._engine
        node = calls.get(key)
        if node is None:
            node = calls[key] = Computed(query, key)
            self.recording[node] = None
            engine._run(node)
        else:
            self.recording[node] = None
            if node.state:
                engine._refresh(node)
        if node.rank >= self.ceiling:
            engine._refuse(query)
        value = node.value
        if type(value) is Failed:
            raise value.error
        return value


class Engine:
    """Holds leaves, and keeps indexes and outputs equal to what their functions say about them.

    One owner, one thread. `commit` is the only way in; its cost is that of the functions it had to run again.
    """

    def __init__(self, outputs: Iterable[Output[Any]]) -> None:
        """`outputs` are kept up to date, with every index they need; other queries run when asked for."""
        self._orphans: dict[Node, None] = {}
        self._leaves: dict[Hashable, Leaf] = {}
        self._tables: dict[Index | Output[Any], Table] = {}
        self.read = Read(self)
        """Reads from outside of any query: sees the state after the last commit."""
        self.runs: Counter[str] = Counter()
        """How often each query, index and output has run, by name."""
        self._order: list[Table] = []
        self._by_kind: dict[str, list[Table]] = {}
        self._kinds: defaultdict[str, dict[Hashable, None]] = defaultdict(dict)
        self._dependents: defaultdict[str, list[Table]] = defaultdict(list)
        """Kind of leaves → the tables of which it is a condition."""
        self._refreshing: list[Table] = []
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
            if table.stale:
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

    def leaves(self) -> dict[Any, Any]:
        """All leaves that have a value: what another engine needs to come to the same results."""
        return {key: leaf.value for key, leaf in self._leaves.items() if leaf.value is not None}

    def of_kind(self, kind: str) -> Iterable[Any]:
        """The keys of the leaves of a kind that have a value."""
        return self._kinds.get(kind, {}).keys()

    @property
    def size(self) -> int:
        """How many nodes there are: for a metric, and for tests that nothing leaks."""
        tables = sum(len(table.terminals) + len(table.buckets) + len(table.empty) for table in self._order)
        return len(self._leaves) + sum(map(len, self.read.calls.values())) + tables

    # ---- leaves

    def _set(self, key: Any, value: Any) -> None:
        node = self._leaves.get(key)
        if node is None:
            node = self._leaves[key] = Leaf(key)
        before = node.value
        if before is value or before == value:
            if value is None:
                self._orphans[node] = None
            return
        node.value = value
        if node.users:
            mark(node)
        if value is not None and before is not None:
            return
        kind = key[0]
        if value is None:
            self._kinds[kind].pop(key, None)
            self._orphans[node] = None
        else:
            self._kinds[kind][key] = None
        for table in self._by_kind.get(kind, ()):
            table.look(key)
        for table in self._dependents.get(kind, ()):
            table.reconsider()

    # ---- tables: indexes and outputs

    def _table(self, definition: Index | Output[Any]) -> Table:
        table = self._tables.get(definition)
        return self._add_table(definition) if table is None else table

    def _add_table(self, definition: Index | Output[Any]) -> Table:
        rank = definition.rank if isinstance(definition, Index) else _OUTPUT_RANK
        table = Table(definition, rank)
        for fed_by in definition.sources:
            if isinstance(fed_by, Index):
                feeder = self._table(fed_by)
                feeder.followers.append(table)
                table.sources.append(feeder.buckets)
            else:
                self._by_kind.setdefault(fed_by, []).append(table)
                table.sources.append(self._kinds[fed_by])
        self._add_conditions(table)
        for source in table.sources:
            for key in source:
                table.look(key)
        self._tables[definition] = table
        self._order = sorted([*self._order, table], key=lambda one: one.rank)
        self._settle(table)
        return table

    def _add_conditions(self, table: Table) -> None:
        definition = table.definition
        for needed in definition.when if isinstance(definition, Index) else ():
            if isinstance(needed, Index):
                condition = self._table(needed)
                condition.dependents.append(table)
                table.conditions.append(condition.buckets)
            else:
                self._dependents[needed].append(table)
                table.conditions.append(self._kinds[needed])
        table.reconsider()

    def _table_below(self, index: Index) -> Table:
        if index.rank >= self.read.ceiling:
            self._refuse(index)
        return self._tables.get(index) or self._add_table(index)

    def _settle(self, table: Table) -> None:
        """Run what is stale; an index moves its keys between buckets, an output notes what changed."""
        self._refreshing.append(table)
        read = self.read
        outer, read.ceiling = read.ceiling, table.rank
        try:
            while table.stale:
                stale, table.stale = table.stale, {}
                for key in stale:
                    self._settle_key(table, key)
        finally:
            read.ceiling = outer
            self._refreshing.pop()

    def _settle_key(self, table: Table, key: Any) -> None:
        node = table.terminals.get(key)
        before = None if node is None else node.value
        if table.has_source(key):
            if node is None:
                node = table.terminals[key] = Computed(table, key)
                self._run(node)
            else:
                self._refresh(node)
            after = node.value
        else:
            after = None
            if node is not None:
                del table.terminals[key]
                self._unlink(node)
        if after is before:  # a key without a value was never told of
            return
        if isinstance(table.definition, Output):
            self._changed.setdefault(table.definition, {})[key] = after
        else:
            self._move(table, key, before or (), after or ())

    def _move(self, table: Table, key: Any, old: tuple[Hashable, ...], new: tuple[Hashable, ...]) -> None:
        """A source key of an index goes from its old buckets to its new ones."""
        for bucket_key in set(old).difference(new) if old else ():
            bucket = table.buckets[bucket_key]
            bucket.take(key)
            if not bucket.members:
                table.drain(bucket)
                self._orphans[bucket] = None
        alone = (key,)
        for bucket_key in set(new).difference(old) if old else dict.fromkeys(new):  # each once
            table.fill(bucket_key).put(key, alone)

    # ---- queries

    def _refuse(self, asked: Index | Query[Any, Any]) -> NoReturn:
        """An index that read a later one could see its last commit's buckets: refused at the first try."""
        reader = self._refreshing[-1].definition
        raise RuntimeError(f"{reader} depends on {asked}, which is or reads an index defined after it")

    def _refresh(self, node: Computed) -> None:
        """Bring a computed node up to date."""
        state = node.state
        if state == CHECK:
            for dep in node.deps:
                if type(dep) is Computed and dep.state:
                    self._refresh(dep)
                    if node.state == DIRTY:
                        break
            else:
                node.state = CLEAN
                return
        elif state == RUNNING:
            raise RuntimeError(f"{node.owner} depends on itself")
        if node.state == DIRTY:
            self._run(node)

    def _run(self, node: Computed) -> None:
        read = self.read
        outer = read.recording
        recording: dict[Node, None] = {}
        read.recording = recording
        node.state = RUNNING
        owner = node.owner
        self.runs[owner.name] += 1
        try:
            value = owner.compute(read, node.key)
        except Exception as error:  # noqa: BLE001 - isolation: only who reads or publishes it meets it
            value = self._failed(node, error)
        finally:
            read.recording = outer
            node.state = CLEAN
            for unread in node.depend_on(recording):
                self._orphans[unread] = None
        before = node.value
        if before is value or (type(before) is type(value) and before == value):
            return
        node.value = value
        for user in node.users:
            user.state = DIRTY

    def _failed(self, node: Computed, error: Exception) -> Any:
        """The value of a node whose function raised: an index or output keeps its last one, unless it
        closes."""
        owner = node.owner
        if isinstance(owner, Query):
            return Failed(error)
        self._failures[owner.name, node.key] = error
        definition = owner.definition
        return None if type(definition) is Output and definition.closes else node.value

    def _unlink(self, node: Computed) -> None:
        for unread in node.depend_on({}):
            self._orphans[unread] = None

    def _collect(self) -> None:
        """Drop what nobody reads: leaves without a value, empty buckets, calls of queries."""
        while self._orphans:
            node, _ = self._orphans.popitem()
            if node.users:
                continue
            if type(node) is Computed:
                if type(node.owner) is Query:
                    self.read.calls[node.owner].pop(node.key, None)
                    self._unlink(node)
            elif type(node) is Bucket:
                node.table.empty.pop(node.key, None)
            elif type(node) is Leaf and node.value is None:
                self._leaves.pop(node.key, None)
