"""What the dependency graph is made of: nodes that know who has read them; tables of indexes and outputs.

They are many and met often, so each kind has the fields it needs and no more, and what never varies stands
in the class.
"""

from collections.abc import Hashable, Mapping
from typing import Any

from sekisho.engine.definitions import Index, Output, Query
from sekisho.engine.users import Users

CLEAN, CHECK, DIRTY, RUNNING = 0, 1, 2, 3
"""Up to date; perhaps not, as something further below has changed; not; being computed."""

_FEW = 16
"""So many users or members are in a tuple: one or two of most nodes, a dozen where clients differ. More
members are in a dictionary, which has half the size of a set."""
_NOBODY: frozenset[Any] = frozenset()
"""Of all empty buckets: each call makes another one, of 216 octets."""


class Node:
    """What can be read."""

    __slots__ = ("key", "users", "value")

    state: int = CLEAN
    rank: int = 0
    """The highest rank of the indexes it is or has read from, directly or not."""

    def __init__(self, key: Any) -> None:
        self.key = key
        self.value: Any = None
        self.users: Users[Computed] | tuple[Computed, ...] = ()
        """Who has read it, each once."""

    def add_user(self, user: "Computed") -> None:
        """One who had not read it."""
        users = self.users
        if type(users) is Users:
            users.add(user)
        else:
            self.users = (*users, user) if len(users) < _FEW else Users((*users, user))

    def drop_user(self, user: "Computed") -> None:
        """One who had read it."""
        users = self.users
        if type(users) is Users:
            users.drop(user)
        else:
            self.users = tuple(other for other in users if other is not user)


class Leaf(Node):
    """An input; None while it has no value and somebody asked for it."""

    __slots__ = ()


class Bucket(Node):
    """The source keys under one bucket key of an index."""

    __slots__ = ("members", "rank", "table")

    def __init__(self, table: "Table", key: Any) -> None:
        self.key = key
        self.value = None
        self.users = ()
        self.members: dict[Any, None] | tuple[Any, ...] = ()
        self.table = table
        self.rank = table.rank

    def frozen(self) -> frozenset[Any]:
        """Made when first asked for."""
        if self.value is None:
            self.value = frozenset(self.members) if self.members else _NOBODY
        return self.value  # type: ignore[no-any-return]

    def put(self, member: Any, alone: tuple[Any]) -> None:
        """A source key that was not here before; who has read the bucket has to run again. `alone`: it in a
        tuple, one for all buckets in which it is the only one, as in most."""
        members = self.members
        if type(members) is dict:
            members[member] = None
        elif not members:
            self.members = alone
        else:
            self.members = (*members, member) if len(members) < _FEW else dict.fromkeys((*members, member))
        self.value = None
        if self.users:
            mark(self)

    def take(self, member: Any) -> None:
        """A source key is here no more; likewise."""
        members = self.members
        if type(members) is dict:
            members.pop(member, None)
        else:
            self.members = tuple(other for other in members if other != member)
        self.value = None
        if self.users:
            mark(self)


class Anything(Node):
    """Whether an index has any bucket with members: who reads it runs again only when that changes."""

    __slots__ = ("rank", "table")

    def __init__(self, table: "Table") -> None:
        super().__init__(None)
        self.table = table
        self.rank = table.rank


class Computed(Node):
    """A call of a query, or a terminal: one key of an index or output."""

    __slots__ = ("deps", "owner", "rank", "state")

    def __init__(self, owner: "Query[Any, Any] | Table", key: Any) -> None:
        self.key = key
        self.value = None
        self.users = ()
        self.owner = owner
        self.deps: tuple[Node, ...] = ()
        self.rank = 0
        self.state = DIRTY

    def depend_on(self, recording: dict[Node, None]) -> list[Node]:
        """These are what it has read, and nothing else is. Returns what it was the last reader of."""
        before, deps = self.deps, tuple(recording)
        self.deps = deps
        rank, known = 0, deps == before
        had = frozenset(() if known else before)
        for dep in deps:
            if dep.rank > rank:  # noqa: PLR1730 - max() is a call, and this loop is the hottest there is
                rank = dep.rank
            if known or dep in had:
                continue
            users = dep.users
            if type(users) is Users:
                users.add(self)
            elif not users:
                dep.users = (self,)
            else:
                dep.add_user(self)
        self.rank = rank
        return [] if known or not before else self._drop(before, recording)

    def _drop(self, before: tuple[Node, ...], recording: dict[Node, None]) -> list[Node]:
        unread = []
        for dep in before:
            if dep not in recording:
                dep.drop_user(self)
                if not dep.users:
                    unread.append(dep)
        return unread


class Table:
    """The running state of one index or output: a terminal per source key, and what waits for a refresh."""

    def __init__(self, definition: Index | Output[Any], rank: int) -> None:
        self.definition = definition
        self.name = definition.name
        self.compute = definition.build if isinstance(definition, Output) else definition.places
        """What a terminal's value is."""
        self.where = definition.where
        self.rank = rank
        self.terminals: dict[Any, Computed] = {}
        self.buckets: dict[Hashable, Bucket] = {}
        """Of an index only: those with members."""
        self.empty: dict[Hashable, Bucket] = {}
        """Of an index only: those that have readers and no members."""
        self.anything = Anything(self)
        self.sources: list[Mapping[Any, Any]] = []
        """What has its keys: buckets of indexes, leaves of kinds."""
        self.conditions: list[Mapping[Any, Any]] = []
        """The same for what it needs any of: see `Index.when`."""
        self.is_open = True
        """Whether any of the conditions holds."""
        self.stale: dict[Any, None] = {}
        """Source keys to look at, in order of arrival."""
        self.followers: list[Table] = []
        """Tables whose source is this one."""
        self.dependents: list[Table] = []
        """Tables of which this one is a condition."""

    def look(self, key: Any) -> None:
        """A key has come to a source, or gone from it."""
        if self.is_open and (self.where is None or self.where(key)):
            self.stale[key] = None

    def reconsider(self) -> None:
        """A condition may hold that did not, or the other way round."""
        is_open = not self.conditions or any(self.conditions)
        if is_open == self.is_open:
            return
        self.is_open = is_open
        self.stale.update(dict.fromkeys(self.terminals))
        for source in self.sources:
            for key in source:
                self.look(key)

    def has_source(self, key: Any) -> bool:
        """Whether a source has this key still."""
        if not self.is_open:
            return False
        for source in self.sources:  # noqa: SIM110 - any() with a generator takes three times as long
            if key in source:
                return True
        return False

    def vacant(self, key: Hashable) -> Bucket:
        """The bucket of a key that nobody has asked for and nothing stands under."""
        found = self.empty[key] = Bucket(self, key)
        return found

    def fill(self, key: Hashable) -> Bucket:
        """The bucket of this key, which is about to have a member; its followers are told of a new one."""
        found = self.buckets.get(key)
        if found is None:
            found = self.empty.pop(key) if key in self.empty else Bucket(self, key)
            self.buckets[key] = found
            if len(self.buckets) == 1:
                self._tell()
            for follower in self.followers:
                follower.look(key)
        return found

    def drain(self, bucket: Bucket) -> None:
        """It has lost its last member."""
        key = bucket.key
        del self.buckets[key]
        self.empty[key] = bucket
        if not self.buckets:
            self._tell()
        for follower in self.followers:
            follower.look(key)

    def _tell(self) -> None:
        """Its first bucket has come, or its last one has gone."""
        mark(self.anything)
        for dependent in self.dependents:
            dependent.reconsider()


def mark(node: Node) -> None:
    """Its direct users have to run again; further ones have to look."""
    wave, state = tuple(node.users), DIRTY
    while wave:
        further: list[Computed] = []
        for user in wave:
            if user.state == CLEAN:
                further.extend(user.users)
                owner = user.owner
                if type(owner) is Table:
                    owner.stale[user.key] = None
            user.state = max(user.state, state)
        wave, state = tuple(further), CHECK
