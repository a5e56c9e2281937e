"""A disk that fails, fills up or loses power, below a real SQLite."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from sekisho.model.names import ResourceId
from sekisho.store import HistoryLimits, Record, SqliteStore, StorageFull, StoreFailed, Write, open_sqlite


class Disk(apsw.VFS):
    """The real disk, with faults on demand, that knows what would survive a power cut."""

    def __init__(self) -> None:
        self.name = f"faulty-{uuid.uuid4()}"
        super().__init__(self.name, "")
        self.fail_writes: type[apsw.Error] | None = None
        self.fail_syncs: type[apsw.Error] | None = None
        self.durable: dict[str, bytearray] = {}
        """Each file as of its last sync."""

    def xOpen(self, name: Any, flags: list[int]) -> "File":  # noqa: N802 - SQLite's name
        return File(self, name, flags)

    def xDelete(self, name: str, sync_folder: bool) -> None:  # noqa: N802
        super().xDelete(name, sync_folder)
        if sync_folder:  # else the file may be back after a power cut
            del self.durable[name]


class File(apsw.VFSFile):
    """One open file; what was written since its last sync is remembered."""

    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self.disk, self.path = disk, path
        self.unsynced: list[tuple[int, bytes | None]] = []
        if path is not None and path not in disk.durable:
            disk.durable[path] = bytearray(Path(path).read_bytes())

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        if self.disk.fail_writes is not None:
            raise self.disk.fail_writes("injected")
        super().xWrite(data, offset)
        self.unsynced.append((offset, bytes(data)))

    def xTruncate(self, size: int) -> None:  # noqa: N802
        super().xTruncate(size)
        self.unsynced.append((size, None))

    def xSync(self, flags: int) -> None:  # noqa: N802
        if self.disk.fail_syncs is not None:
            raise self.disk.fail_syncs("injected")
        super().xSync(flags)
        content = self.disk.durable[self.path]
        for offset, data in self.unsynced:
            if data is None:
                del content[offset:]
            else:
                content.extend(bytes(max(0, offset - len(content))))
                content[offset : offset + len(data)] = data
        self.unsynced.clear()


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk()
    yield disk
    disk.unregister()


def service(n: int) -> ResourceId:
    return ResourceId("Service", "shop", f"s{n:04}")


async def create(store: SqliteStore, n: int, size: int = 100) -> Record:
    (result,) = await store.write([Write("create", service(n), {"spec": "x" * size})])
    assert isinstance(result, Record)
    return result


async def test_what_was_acknowledged_survives_the_loss_of_everything_unsynced(
    disk: Disk, tmp_path: Path
) -> None:
    """Also in the middle of compaction and check-points: 400 writes of 20 KB move the log many times."""
    before, after = tmp_path / "before", tmp_path / "after"
    limits = HistoryLimits(events=50)
    acknowledged: dict[ResourceId, Record] = {}
    async with open_sqlite(before / "db", before / "key", vfs=disk.name, limits=limits) as store:
        for n in range(400):
            acknowledged[service(n)] = await create(store, n, 20_000)
            if n % 80 == 79:
                power_cut(disk, before, after / str(n))
                async with open_sqlite(
                    after / str(n) / "db", after / str(n) / "key", limits=limits
                ) as survivor:
                    listing = await survivor.list(["Service"])
                    assert {record.id: record for record in listing.records} == acknowledged


def power_cut(disk: Disk, before: Path, after: Path) -> None:
    """Copies what would be on the disk if the power went now."""
    after.mkdir(parents=True)
    for path, content in disk.durable.items():
        (after / Path(path).name).write_bytes(content)
    (after / "key").write_bytes((before / "key").read_bytes())
    (after / "key").chmod(0o600)


async def test_a_full_disk_refuses_writes_until_there_is_space_again(disk: Disk, tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "db", tmp_path / "key", vfs=disk.name) as store:
        first = await create(store, 1)
        watch = store.watch(["Service"], None, 1)
        disk.fail_writes = apsw.FullError
        for n in range(2, 5):
            with pytest.raises(StorageFull):
                await create(store, n)
        assert (await store.list(["Service"])).records == (first,)
        assert await store.revision() == 1
        disk.fail_writes = None
        assert (await create(store, 9)).revision == 2
        assert [event.record.revision for event in await anext(watch)] == [2]
    async with open_sqlite(tmp_path / "db", tmp_path / "key") as store:
        assert [record.id for record in (await store.list(["Service"])).records] == [service(1), service(9)]


@pytest.mark.parametrize("fault", ["fail_writes", "fail_syncs"])
async def test_after_a_failed_disk_nothing_is_written_but_reads_go_on(
    disk: Disk, tmp_path: Path, fault: str
) -> None:
    async with open_sqlite(tmp_path / "db", tmp_path / "key", vfs=disk.name) as store:
        first = await create(store, 1)
        setattr(disk, fault, apsw.IOError)
        with pytest.raises(StoreFailed, match="disk failed"):
            await create(store, 2)
        setattr(disk, fault, None)
        with pytest.raises(StoreFailed, match="restart it once the disk is sound"):
            await create(store, 3)
        assert await store.get(service(1)) == first
        assert (await store.list(["Service"])).revision == 1
    async with open_sqlite(tmp_path / "db", tmp_path / "key") as store:
        assert await store.get(service(1)) == first
        stored = {record.id for record in (await store.list(["Service"])).records}
        assert stored <= {service(1), service(2)}, "an unacknowledged write may have reached the disk"
        assert (await create(store, 4)).id == service(4)


async def test_a_failed_check_point_does_not_undo_the_commit_before_it(disk: Disk, tmp_path: Path) -> None:
    acknowledged = set()
    async with open_sqlite(tmp_path / "db", tmp_path / "key", vfs=disk.name) as store:
        store._database.checkpoint = fail  # type: ignore[method-assign]
        with pytest.raises(StoreFailed, match="stopped writing"):  # noqa: PT012 - one of the writes, none after it
            for n in range(260):
                acknowledged.add((await create(store, n, 20_000)).id)
        assert len(acknowledged) > 100, "that many pages make a check-point due"
    async with open_sqlite(tmp_path / "db", tmp_path / "key") as store:
        assert {record.id for record in (await store.list(["Service"])).records} == acknowledged


def fail() -> None:
    raise StoreFailed("the store's disk failed: injected")
