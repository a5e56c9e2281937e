"""The SQLite file's layout, its creation, and the proof that a file has it."""

from pathlib import Path

import apsw
import xxhash

from sekisho.model.names import ResourceId
from sekisho.store.files import appearing
from sekisho.store.protocol import StoreFailed
from sekisho.store.sealing import Vault, create_key, read_key

APPLICATION_ID = 0x53454B49  # "SEKI"
SCHEMA_VERSION = 1

TABLES = (
    """CREATE TABLE version (
  revision INTEGER PRIMARY KEY,
  event TEXT NOT NULL,
  kind TEXT NOT NULL,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  body BLOB NOT NULL,
  digest INTEGER NOT NULL
) STRICT""",
    """CREATE TABLE head (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  revision INTEGER NOT NULL,
  compacted INTEGER NOT NULL,
  digests INTEGER NOT NULL,
  key_proof BLOB NOT NULL,
  digest INTEGER NOT NULL
) STRICT""",
)
"""`version` is the change log: one row for each write, kept while it is current or can be replayed. So a
write is one insert, and the current state is each resource's last row. `head.digests` is the XOR of all rows'
digests: with it a row that is changed, lost or added by a fault shows."""

_PROOF_ID = ResourceId("", "", "")
_PROOF = b"the key of this store"


def row_digest(revision: int, event: str, id: ResourceId, body: bytes) -> int:
    """Of a row as stored. Against faults, not against attackers; signed, as SQLite's integers are."""
    place = "\0".join((str(revision), event, *id)).encode()
    return _signed(xxhash.xxh3_64_intdigest(body, seed=xxhash.xxh3_64_intdigest(place)))


def head_digest(revision: int, compacted: int, digests: int, key_proof: bytes) -> int:
    """Of the one row of `head`."""
    return _signed(xxhash.xxh3_64_intdigest(f"{revision} {compacted} {digests} {key_proof.hex()}".encode()))


def refusal(path: Path, damage: str) -> StoreFailed:
    """What to raise about a damaged database."""
    return StoreFailed(f"{path} is damaged: {damage}. {REPAIR}")


def create(path: Path, key_path: Path) -> None:
    """Makes an empty database, and its key unless that exists. Nothing happens when the database exists."""
    if path.exists():
        if path.stat().st_size == 0:  # SQLite takes that for a new database, and we never leave one like it
            raise refusal(path, "it is empty")
        return
    if path.with_name(f"{path.name}-wal").exists():
        raise StoreFailed(f"{path} is missing, but its write-ahead log is there. {REPAIR}")
    create_key(key_path)
    proof = read_key(key_path).seal(_PROOF_ID, 0, _PROOF)
    with appearing(path) as unfinished:
        connection = apsw.Connection(str(unfinished))
        try:
            connection.pragma(
                "journal_mode", "memory"
            )  # nobody sees an unfinished file; so it needs no journal
            with connection:
                for table in TABLES:
                    connection.execute(table)
                head = (0, 0, 0, proof)
                connection.execute("INSERT INTO head VALUES (1, ?, ?, ?, ?, ?)", (*head, head_digest(*head)))
                connection.pragma("application_id", APPLICATION_ID)
                connection.pragma("user_version", SCHEMA_VERSION)
            connection.pragma("journal_mode", "wal")  # so that the named file never has a rollback journal
        finally:
            connection.close()


def check(connection: apsw.Connection, path: Path) -> None:
    """Raises StoreFailed unless this is a sound database of a version we know."""
    if connection.pragma("application_id") != APPLICATION_ID:
        raise StoreFailed(f"{path} is not a Sekisho store, or its header is damaged. {REPAIR}")
    version = connection.pragma("user_version")
    if version != SCHEMA_VERSION:
        raise StoreFailed(
            f"{path} has schema version {version}, this Sekisho knows {SCHEMA_VERSION}: start the version of "
            f"Sekisho that wrote it, or a newer one"
        )
    found = connection.execute("PRAGMA quick_check(1)").fetchall()
    if found != [("ok",)]:
        raise refusal(path, str(found[0][0]))
    tables = {sql for (sql,) in connection.execute("SELECT sql FROM sqlite_schema")}
    if tables != set(TABLES):
        raise refusal(path, "its tables are not those of a Sekisho store")


def check_key(vault: Vault, key_proof: bytes, path: Path, key_path: Path) -> None:
    """Raises StoreFailed when this is the key of another database."""
    try:
        vault.unseal(_PROOF_ID, 0, key_proof)
    except ValueError as error:
        raise StoreFailed(f"{key_path} is not the key of {path}. Put the right key back.") from error


REPAIR = (
    "Nothing was changed and nothing is served; proxies keep their last configuration. Move the file and "
    "those beside it that begin with its name away, and put a back-up in their place. To start over with an "
    "empty configuration instead, move them away and put nothing in their place."
)
"""What to do about a damaged file, for people."""


def _signed(digest: int) -> int:
    return digest - (1 << 64) if digest >> 63 else digest
