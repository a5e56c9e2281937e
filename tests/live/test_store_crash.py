"""The SQLite store in a process of its own that is killed, runs out of disk, or finds its files damaged."""

import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sekisho.model.names import ResourceId
from sekisho.store import Record, StoreFailed, Write, open_sqlite

pytestmark = pytest.mark.live

ROUNDS = int(os.environ.get("SEKISHO_CRASH_ROUNDS", "3"))
"""Of kill -9; the nightly run sets 20 and more."""

WRITER = """
import asyncio, sys
from pathlib import Path
from sekisho.model.names import ResourceId
from sekisho.store import Write, open_sqlite

async def main(folder, round):
    async with open_sqlite(folder / "db", folder / "key") as store:
        for n in range(1000):
            kind = "Secret" if n % 5 == 0 else "Service"
            (record,) = await store.write(
                [Write("create", ResourceId(kind, f"round-{round}", f"n{n}"), {"spec": f"{n}" * 200})]
            )
            print(record.revision, record.id, flush=True)

asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
"""


@contextmanager
def running(program: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A Python process that does not outlive the block."""
    command = [sys.executable, "-c", program, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


async def contents(folder: Path) -> dict[str, Record]:
    async with open_sqlite(folder / "db", folder / "key") as store:
        listing = await store.list(["Service", "Secret"])
        assert max((record.revision for record in listing.records), default=0) == listing.revision
        return {str(record.id): record for record in listing.records}


def test_no_acknowledged_write_is_lost_when_the_writer_is_killed(tmp_path: Path) -> None:
    acknowledged: dict[str, int] = {}
    chance = random.Random(2)
    for turn in range(ROUNDS):
        enough = chance.randrange(50, 950)
        with running(WRITER, str(tmp_path), str(turn)) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(enough)]
            process.kill()
            lines += process.stdout.readlines()
        for line in lines:
            if line.endswith("\n"):
                revision, id = line.split()
                acknowledged[id] = int(revision)
        stored = asyncio.run(contents(tmp_path))
        assert {id: stored[id].revision for id in acknowledged} == acknowledged
        assert len(stored) - len(acknowledged) <= turn + 1, "at most the one write in flight each round"
        for record in stored.values():
            number = record.id.name[1:]
            assert json.loads(record.body)["spec"] == number * 200


FULL_DISK = """
import asyncio, os, resource, sys
from pathlib import Path
from sekisho.model.names import ResourceId
from sekisho.store import StorageFull, Write, open_sqlite

folder, means = Path(sys.argv[1]), sys.argv[2]
ballast = folder / "ballast"

def fill():
    if means == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
    else:
        ballast.write_bytes(bytes(1_000_000))

def make_space():
    if means == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    else:
        ballast.unlink()

async def main():
    async with open_sqlite(folder / "db", folder / "key") as store:
        fill()
        count = 0
        async def create(n):
            id = ResourceId("Service", "shop", f"s{n}")
            (record,) = await store.write([Write("create", id, {"spec": "x" * 5000})])
            return record
        try:
            while True:
                await create(count)
                count += 1
        except StorageFull:
            pass
        for _ in range(3):
            try:
                await create("refused")
                raise SystemExit("a write that cannot fit was acknowledged")
            except StorageFull:
                pass
        listing = await store.list(["Service"])
        assert len(listing.records) == listing.revision == count > 20, count
        watch = store.watch(["Service"], None, count)
        make_space()
        assert (await create("after")).revision == count + 1
        assert len(await anext(watch)) == 1
        for n in range(300):  # enough for check-points
            await create(f"more{n}")
        print(count + 301)

asyncio.run(main())
"""


def check_recovery(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    if folder.joinpath("db").exists():  # a private mount is gone with its process
        stored = asyncio.run(contents(folder))
        assert len(stored) == int(done.stdout)
        assert "Service/shop/srefused" not in stored


def test_a_file_size_limit_refuses_writes_until_it_is_lifted(tmp_path: Path) -> None:
    check_recovery([sys.executable, "-c", FULL_DISK, str(tmp_path), "limit"], tmp_path)


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="mounts a small disk: needs root"
)
def test_a_full_disk_refuses_writes_until_there_is_space(tmp_path: Path) -> None:
    """On a tmpfs that only the child sees, so that it goes with it."""
    script = 'mount -t tmpfs -o size=8m none "$1" && exec "$2" -c "$3" "$1" ballast'
    probe = ["unshare", "-m", "mount", "-t", "tmpfs", "none", str(tmp_path)]
    if subprocess.run(probe, capture_output=True, check=False).returncode != 0:
        pytest.skip("this container may not mount")
    program = FULL_DISK.replace("1_000_000", "7_500_000")
    check_recovery(
        ["unshare", "-m", "sh", "-c", script, "sh", str(tmp_path), sys.executable, program], tmp_path
    )


def fill(folder: Path, count: int, *, leave_log: bool) -> dict[str, Record]:
    """Makes a store of `count` commits, as it lies after a clean end or after a kill."""

    async def write() -> dict[str, Record]:
        source = folder / "source"
        async with open_sqlite(source / "db", source / "key") as store:
            for n in range(count):
                kind = "Secret" if n % 5 == 0 else "Service"
                await store.write(
                    [Write("create", ResourceId(kind, "shop", f"s{n:03}"), {"spec": f"{n}" * 100})]
                )
            if leave_log:
                shutil.copytree(source, folder / "sound")
        if not leave_log:
            shutil.copytree(source, folder / "sound")
        return await contents(source)

    return asyncio.run(write())


def opened(folder: Path) -> dict[str, Record] | None:
    """What a store that may be damaged serves; None when it refuses to start, with advice."""
    try:
        return asyncio.run(contents(folder))
    except StoreFailed as refused:
        assert "put a back-up in their place" in str(refused)  # noqa: PT017 - or it serves
        return None


def flipped(content: bytes, chance: random.Random) -> bytes:
    position = chance.randrange(len(content))
    return (
        content[:position] + bytes((content[position] ^ 1 << chance.randrange(8),)) + content[position + 1 :]
    )


def test_a_damaged_database_is_refused_or_served_whole_never_in_part(tmp_path: Path) -> None:
    expected = fill(tmp_path, 150, leave_log=False)
    sound = (tmp_path / "sound" / "db").read_bytes()
    chance = random.Random(9)
    variants = [flipped(sound, chance) for _ in range(80)]
    variants += [sound[: chance.randrange(len(sound))] for _ in range(15)]
    variants += [sound[:start] + bytes(4096) + sound[start + 4096 :] for start in range(0, len(sound), 4096)][
        :20
    ]
    refused = 0
    for number, variant in enumerate(variants):
        folder = tmp_path / str(number)
        shutil.copytree(tmp_path / "sound", folder)
        (folder / "db").write_bytes(variant)
        served = opened(folder)
        refused += served is None
        assert served in (None, expected)
        if served is None:
            assert (folder / "db").read_bytes() == variant, "evidence must stay as it was found"
    assert refused > len(variants) * 0.6, "most of the file is in use"


def test_a_damaged_log_costs_at_most_the_last_commit_or_is_refused(tmp_path: Path) -> None:
    expected = fill(tmp_path, 60, leave_log=True)
    newest = max(expected, key=lambda id: expected[id].revision)
    tolerable = (None, expected, {id: record for id, record in expected.items() if id != newest})
    sound = (tmp_path / "sound" / "db-wal").read_bytes()
    chance = random.Random(4)
    refused = 0
    for number in range(80):
        folder = tmp_path / str(number)
        shutil.copytree(tmp_path / "sound", folder)
        (folder / "db-wal").write_bytes(flipped(sound, chance))
        served = opened(folder)
        refused += served is None
        assert served in tolerable
    assert refused > 60
    assert opened(tmp_path / "sound") == expected
