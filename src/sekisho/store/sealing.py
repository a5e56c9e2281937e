"""Encryption at rest for kinds that hold secrets: AES-256-GCM under a key in a file of its own."""

import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sekisho.model.names import ResourceId
from sekisho.store.files import appearing
from sekisho.store.protocol import StoreFailed

SEALED_KINDS = frozenset(("Secret",))
"""Kinds whose bodies never touch the disk in plain text."""

_KEY_BYTES = 32
_NONCE_BYTES = 12
"""96 random bits: NIST SP 800-38D allows 2^32 messages under one key."""


class Vault:
    """Seals bodies so that they open only under the id and revision they were stored as."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, id: ResourceId, revision: int, body: bytes) -> bytes:
        """The nonce, and the body encrypted and bound to its place."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, body, _place(id, revision))

    def unseal(self, id: ResourceId, revision: int, sealed: bytes) -> bytes:
        """The body. Raises ValueError when the key is another, or the bytes were changed or moved."""
        nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, body, _place(id, revision))
        except InvalidTag as error:
            raise ValueError(f"{id} at revision {revision} does not open with this key") from error


def create_key(path: Path) -> None:
    """Writes a new random key, readable by its owner only. Keeps a key that is there."""
    with appearing(path) as unfinished:
        unfinished.write_bytes(os.urandom(_KEY_BYTES))


def read_key(path: Path) -> Vault:
    """The vault of the key in `path`. Raises StoreFailed when there is none, or others may read it."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            key = file.read(_KEY_BYTES + 1)
    except FileNotFoundError as error:
        raise StoreFailed(
            f"{path}: the key of the stored secrets is missing. Put the file back from your copy; without it "
            f"they cannot be read, and a new key would not help."
        ) from error
    if mode & 0o077:
        raise StoreFailed(
            f"{path}: others may read this key. Run `chmod 600 {path}`, and replace its secrets."
        )
    if len(key) != _KEY_BYTES:
        raise StoreFailed(f"{path}: expected a key of {_KEY_BYTES} bytes. Put the file back from your copy.")
    return Vault(key)


def _place(id: ResourceId, revision: int) -> bytes:
    """The authenticated data: an old version put back, or another's secret, must not open."""
    return "\0".join((*id, str(revision))).encode()
