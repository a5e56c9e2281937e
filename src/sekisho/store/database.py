"""The SQLite file: opening, loading and appending. Blocking; it is called from one thread at a time."""

import errno
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from sys import intern
from typing import Any

import apsw

from sekisho.model.names import ResourceId
from sekisho.store import schema, wal
from sekisho.store.protocol import Event, EventType, Record, StorageFull, StoreFailed
from sekisho.store.sealing import SEALED_KINDS, Vault, read_key

_NO_SPACE = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
_PATIENCE_MS = 3_000
"""For another process to let go of the file: a restart may overlap with the old process's end."""
_CHECKPOINT_PAGES = 1_000
"""Pages in the log before they are moved to the database: 4 MB, SQLite's own default."""
_LOG_LIMIT = 16 << 20
"""Bytes: a log that grew larger in a burst is cut back."""
_CACHE_KIB = 512
"""Of pages: reads come from memory of ours, and writes are at the end of the tables, nearly all."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What was stored, as events in order of revision."""

    events: tuple[Event, ...]
    revision: int
    compacted: int
    """Events up to here only lead to the current state; those after it can be replayed to watchers."""


class Database:
    """One open file, locked against every other process."""

    def __init__(self, connection: apsw.Connection, vault: Vault, key_proof: bytes, digests: int) -> None:
        self._connection = connection
        self._vault = vault
        self._key_proof = key_proof
        self._digests = digests
        self._log_pages = 0
        connection.set_wal_hook(self._on_commit)

    def append(self, events: Sequence[Event], obsolete: Sequence[int], compacted: int) -> None:
        """Adds events and drops obsolete revisions in one transaction, and returns once it is durable.

        Raises StorageFull or StoreFailed; then nothing was done.
        """
        rows = [self._row(event) for event in events]
        with self._told_plainly(), self._connection:
            digests = self._digests
            for row in rows:
                digests ^= row[-1]
            self._connection.executemany("INSERT INTO version VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            for (digest,) in self._connection.executemany(
                "DELETE FROM version WHERE revision = ? RETURNING digest",
                [(revision,) for revision in obsolete],
            ):
                digests ^= digest
            head = (events[-1].record.revision, compacted, digests, self._key_proof)
            self._connection.execute(
                "UPDATE head SET revision = ?, compacted = ?, digests = ?, key_proof = ?, digest = ?",
                (*head, schema.head_digest(*head)),
            )
        self._digests = digests

    @property
    def wants_checkpoint(self) -> bool:
        """Whether the log is long enough to be worth moving."""
        return self._log_pages >= _CHECKPOINT_PAGES

    def checkpoint(self) -> None:
        """Moves the log into the database. Takes milliseconds. Raises StorageFull or StoreFailed."""
        with self._told_plainly():
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        self._log_pages = 0

    def close(self) -> None:
        """Lets go of the file. The log is moved into it if that is possible, else it stays beside it."""
        self._connection.close()

    def _on_commit(self, _connection: apsw.Connection, _database: str, pages: int) -> int:
        self._log_pages = pages
        return apsw.SQLITE_OK

    def _row(self, event: Event) -> tuple[int, str, str, str, str, bytes, int]:
        record, body = event.record, event.record.body
        if record.id.kind in SEALED_KINDS:
            body = self._vault.seal(record.id, record.revision, body)
        digest = schema.row_digest(record.revision, event.type, record.id, body)
        return (record.revision, event.type.value, *record.id, body, digest)

    @contextmanager
    def _told_plainly(self) -> Iterator[None]:
        try:
            yield
        except apsw.FullError as error:
            raise StorageFull("the disk of the store is full") from error
        except apsw.IOError as error:
            if self._connection.system_errno in _NO_SPACE:
                raise StorageFull("the disk of the store is full, or its quota is used up") from error
            raise StoreFailed(f"the store's disk failed: {error}") from error
        except apsw.Error as error:
            raise StoreFailed(f"the store failed: {error}") from error


def open_database(path: Path, key_path: Path, *, vfs: str | None = None) -> tuple[Database, Saved]:
    """Opens the store in `path`, made when there is none, and reads all of it.

    Raises StoreFailed, with what to do, when it is damaged, of another version, or held by another process. A
    damaged store is never changed. `vfs` names SQLite's way to the disk; tests pass one that fails.
    """
    try:
        schema.create(path, key_path)
        path.chmod(0o600)
        vault = read_key(key_path)
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs)
    except (OSError, apsw.Error) as error:
        raise StoreFailed(f"{path} cannot be opened: {error}") from error
    try:
        return _opened(connection, vault, path, key_path)
    except (apsw.BusyError, apsw.LockedError) as error:
        connection.close()
        raise StoreFailed(f"{path} is in use by another process: end it, or wait for its end") from error
    except (apsw.Error, ValueError) as error:  # ValueError: text that is no UTF-8 any more
        connection.close()
        raise schema.refusal(path, str(error)) from error
    except BaseException:
        connection.close()
        raise


def _opened(connection: apsw.Connection, vault: Vault, path: Path, key_path: Path) -> tuple[Database, Saved]:
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)  # until it is known to be sound
    _configure(connection)
    _check_log(connection, path)
    schema.check(connection, path)
    loaded = _load(connection, vault, path, key_path)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)
    return loaded


def _configure(connection: apsw.Connection) -> None:
    connection.set_busy_timeout(_PATIENCE_MS)
    # Before the first look at the log: what we hold in memory is only true while nobody else can write.
    connection.pragma("locking_mode", "exclusive")
    if connection.pragma("journal_mode", "wal") != "wal":
        raise StoreFailed("this file system cannot hold the store: SQLite refuses write-ahead logging on it")
    connection.pragma("synchronous", "full")
    connection.pragma("wal_autocheckpoint", 0)  # we do it, where its failure can be seen
    connection.pragma("journal_size_limit", _LOG_LIMIT)
    connection.pragma("cache_size", -_CACHE_KIB)


def _check_log(connection: apsw.Connection, path: Path) -> None:
    connection.execute("SELECT 1 FROM sqlite_schema").fetchall()  # SQLite reads the log with the first query
    frames, _ = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and (problem := wal.damage(log.read_bytes(), max(0, frames))):
        raise schema.refusal(path, problem)


def _load(connection: apsw.Connection, vault: Vault, path: Path, key_path: Path) -> tuple[Database, Saved]:
    heads: list[tuple[Any, ...]] = connection.execute(
        "SELECT revision, compacted, digests, key_proof, digest FROM head"
    ).fetchall()
    if len(heads) != 1 or schema.head_digest(*heads[0][:-1]) != heads[0][-1]:
        raise schema.refusal(path, "its head does not add up")
    revision, compacted, expected, key_proof, _ = heads[0]
    schema.check_key(vault, key_proof, path, key_path)
    current: dict[ResourceId, Record] = {}
    events: list[Event] = []
    digests = 0
    for event, digest in _rows(connection, vault, path):
        digests ^= digest
        record = event.record
        events.append(replace(event, old=current.get(record.id)))
        if event.type is EventType.DELETED:
            current.pop(record.id, None)
        else:
            current[record.id] = record
    if digests != expected:
        raise schema.refusal(path, "rows are missing")
    return Database(connection, vault, key_proof, digests), Saved(tuple(events), revision, compacted)


def _rows(connection: apsw.Connection, vault: Vault, path: Path) -> Iterator[tuple[Event, int]]:
    """The stored events in order of revision, each with its digest, which was found right."""
    rows: Iterable[tuple[Any, ...]] = connection.execute(
        "SELECT revision, event, kind, namespace, name, body, digest FROM version ORDER BY revision"
    )
    for revision, event, kind, namespace, name, stored, digest in rows:
        place = ResourceId(kind, namespace, name)
        if schema.row_digest(revision, event, place, stored) != digest:
            raise schema.refusal(path, f"{place} at revision {revision} does not add up")
        place = ResourceId(*map(intern, place))  # each word is in many rows
        body = vault.unseal(place, revision, stored) if kind in SEALED_KINDS else stored
        yield Event(EventType(event), Record(place, revision, body)), digest
