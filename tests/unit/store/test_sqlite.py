"""What only a store on disk promises: it comes back as it was, keeps secrets secret, and is nobody else's."""

import asyncio
import json
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apsw
import pytest

from sekisho.model.names import ResourceId
from sekisho.store import Expired, HistoryLimits, Record, SqliteStore, StoreFailed, Write, open_sqlite
from sekisho.store.database import Database

CART = ResourceId("HTTPRoute", "shop", "cart")
PASSWORD = ResourceId("Secret", "shop", "password")


class Place:
    """Where a store lies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "store.db"
        self.key = folder / "keys" / "store.key"

    def open(self, **options: Any) -> Any:
        return open_sqlite(self.path, self.key, **options)

    def bytes_on_disk(self) -> bytes:
        return b"".join(file.read_bytes() for file in sorted(self.folder.glob("store.db*")))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "state")


async def put(store: SqliteStore, verb: str, id: ResourceId, spec: Any = None) -> Record:
    (result,) = await store.write([Write(verb, id, {"metadata": {}, "spec": spec})])
    assert isinstance(result, Record)
    return result


async def test_everything_is_there_after_a_restart(place: Place) -> None:
    async with place.open() as store:
        await put(store, "create", CART, 1)
        await put(store, "create", PASSWORD, "s3cret")
        await put(store, "update", CART, 2)
        before = await store.list(["HTTPRoute", "Secret"])
    async with place.open() as store:
        assert await store.list(["HTTPRoute", "Secret"]) == before
        assert (await put(store, "delete", CART)).revision == 4


async def test_a_watch_resumes_over_a_restart_with_the_states_before(place: Place) -> None:
    async with place.open() as store:
        for spec in range(3):
            await put(store, "update" if spec else "create", CART, spec)
        await put(store, "delete", CART)
        told = await anext(store.watch(["HTTPRoute"], None, 0))
    async with place.open() as store:
        for since in range(4):
            assert await anext(store.watch(["HTTPRoute"], None, since)) == told[since:]


async def test_compaction_holds_over_a_restart_and_keeps_the_file_small(place: Place) -> None:
    limits = HistoryLimits(events=10)
    async with place.open(limits=limits) as store:
        await put(store, "create", PASSWORD)
        for turn in range(50):
            await put(store, "create", CART, turn)
            await put(store, "delete", CART)
    async with place.open(limits=limits) as store:
        assert await store.revision() == 101
        assert (await store.get(PASSWORD)).revision == 1
        assert len(await anext(store.watch(["HTTPRoute"], None, 91))) == 10
        with pytest.raises(Expired):
            store.watch(["HTTPRoute"], None, 80)
    connection = sqlite3.connect(place.path)
    (rows,) = connection.execute("SELECT count(*) FROM version").fetchone()
    connection.close()
    assert rows <= 10 + 4, "the history, the state before it, what is current, and the last to be dropped"


async def test_a_shorter_history_takes_effect_at_the_next_start(place: Place) -> None:
    async with place.open() as store:
        for turn in range(20):
            await put(store, "update" if turn else "create", CART, turn)
    async with place.open(limits=HistoryLimits(events=5)) as store:
        with pytest.raises(Expired):
            store.watch(["HTTPRoute"], None, 14)
        assert len(await anext(store.watch(["HTTPRoute"], None, 15))) == 5


async def test_writes_that_come_during_a_commit_share_the_next_one(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[int] = []
    append = Database.append

    def counted(database: Database, events: Sequence[Any], *rest: Any) -> None:
        commits.append(len(events))
        append(database, events, *rest)

    monkeypatch.setattr(Database, "append", counted)
    async with place.open() as store, asyncio.TaskGroup() as group:
        for n in range(100):
            group.create_task(put(store, "create", ResourceId("Service", "shop", f"s{n}")))
    assert sum(commits) == 100
    assert len(commits) <= 2


async def test_what_changes_nothing_commits_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    async with place.open() as store:
        first = await put(store, "create", CART, 1)
        monkeypatch.setattr(Database, "append", lambda *_: pytest.fail("a commit"))
        assert await put(store, "update", CART, 1) == first


# Secrets


async def test_no_byte_of_a_secret_reaches_the_disk(place: Place) -> None:
    async with place.open() as store:
        await put(store, "create", PASSWORD, "correct horse battery staple")
        await put(store, "update", PASSWORD, "Tr0ub4dor&3-Tr0ub4dor&3")
        await put(store, "create", CART, "in the clear")
        running = place.bytes_on_disk()
    for content in (running, place.bytes_on_disk()):
        assert b"in the clear" in content, "so we look at the right bytes"
        assert b"correct horse" not in content
        assert b"Tr0ub4dor" not in content
    async with place.open() as store:
        assert json.loads((await store.get(PASSWORD)).body)["spec"] == "Tr0ub4dor&3-Tr0ub4dor&3"


async def test_files_are_for_their_owner_only(place: Place) -> None:
    async with place.open() as store:
        await put(store, "create", CART)
        files = [*place.folder.glob("store.db*"), place.key]
        assert len(files) == 3
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    place.path.chmod(0o644)
    async with place.open():
        assert stat.S_IMODE(place.path.stat().st_mode) == 0o600


async def test_a_secret_moved_to_another_name_or_revision_does_not_open(place: Place) -> None:
    async with place.open() as store:
        await put(store, "create", PASSWORD, 1)
    connection = sqlite3.connect(place.path)
    connection.execute("UPDATE version SET name = 'other'")
    connection.commit()
    connection.close()
    with pytest.raises(StoreFailed, match="damaged"):
        await place.open().__aenter__()


async def test_a_missing_foreign_or_readable_key_is_refused_with_advice(place: Place) -> None:
    async with place.open() as store:
        await put(store, "create", PASSWORD, 1)
    key = place.key.read_bytes()
    place.key.chmod(0o644)
    with pytest.raises(StoreFailed, match="chmod 600"):
        await place.open().__aenter__()
    place.key.chmod(0o600)
    place.key.write_bytes(bytes(32))
    with pytest.raises(StoreFailed, match="not the key of"):
        await place.open().__aenter__()
    place.key.write_bytes(key[:-1])
    with pytest.raises(StoreFailed, match="32 bytes"):
        await place.open().__aenter__()
    place.key.unlink()
    with pytest.raises(StoreFailed, match="missing"):
        await place.open().__aenter__()
    assert not place.key.exists()


# Refusing to start


async def test_a_store_in_use_by_another_process_is_refused_in_time(place: Place) -> None:
    async with place.open() as store:
        await put(store, "create", CART)
    program = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('PRAGMA locking_mode=exclusive'); c.execute('BEGIN EXCLUSIVE')\n"
        "print('locked', flush=True); sys.stdin.read()"
    )
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(place.path), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert other.stdout is not None
        assert await other.stdout.readline() == b"locked\n"
        start = time.monotonic()
        with pytest.raises(StoreFailed, match="in use by another process"):
            await place.open().__aenter__()
        assert time.monotonic() - start < 20, "it waits three seconds"
    finally:
        await other.communicate(b"")
    async with place.open() as store:
        assert (await store.get(CART)).revision == 1


async def test_nobody_else_can_write_while_the_store_is_open(place: Place) -> None:
    async with place.open() as store:
        await put(store, "create", CART)
        other = apsw.Connection(str(place.path))
        with pytest.raises(apsw.BusyError):
            other.execute("DELETE FROM version")
        other.close()
        assert (await put(store, "update", CART, 2)).revision == 2


@pytest.mark.parametrize(
    ("pragma", "words"),
    [("user_version = 2", "schema version 2"), ("application_id = 1", "not a Sekisho store")],
)
async def test_a_file_of_another_kind_or_version_is_refused(place: Place, pragma: str, words: str) -> None:
    async with place.open():
        pass
    connection = sqlite3.connect(place.path)
    connection.execute(f"PRAGMA {pragma}")
    connection.close()
    with pytest.raises(StoreFailed, match=words):
        await place.open().__aenter__()


@pytest.mark.parametrize(
    "edit",
    [
        "DELETE FROM version WHERE revision = 1",
        "UPDATE version SET body = CAST(replace(body, '1', '2') AS BLOB) WHERE revision = 1",
        "UPDATE version SET event = 'DELETED' WHERE revision = 2",
        "INSERT INTO version SELECT 9, event, kind, namespace, name, body, digest FROM version LIMIT 1",
        "UPDATE head SET revision = 1",
        "UPDATE head SET compacted = 2",
        "DELETE FROM head",
        "ALTER TABLE version ADD COLUMN more TEXT",
    ],
)
async def test_content_that_does_not_add_up_is_refused(place: Place, edit: str) -> None:
    async with place.open() as store:
        await put(store, "create", CART, 1)
        await put(store, "update", CART, 2)
    connection = sqlite3.connect(place.path)
    connection.execute(edit)
    connection.commit()
    connection.close()
    with pytest.raises(StoreFailed, match=r"damaged: .*put a back-up in their place"):
        await place.open().__aenter__()


async def test_an_empty_file_or_a_log_without_its_database_is_no_empty_configuration(place: Place) -> None:
    async with place.open() as store:
        await put(store, "create", CART)
        log = (place.folder / "store.db-wal").read_bytes()
    place.path.write_bytes(b"")
    with pytest.raises(StoreFailed, match="it is empty"):
        await place.open().__aenter__()
    place.path.unlink()
    (place.folder / "store.db-wal").write_bytes(log)
    with pytest.raises(StoreFailed, match="is missing, but its write-ahead log"):
        await place.open().__aenter__()
    assert not place.path.exists()


async def test_an_unfinished_creation_does_no_harm(place: Place) -> None:
    place.folder.mkdir()
    (place.folder / "store.db.1.unfinished").write_bytes(b"half")
    async with place.open() as store:
        assert await store.revision() == 0
    assert not [file for file in place.folder.rglob("*unfinished") if "db.1." not in file.name]
