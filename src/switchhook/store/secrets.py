"""Secrets at rest: the key file, what is encrypted with it, and hashes that find a presented key.

The key file lies in the data folder, on PostgreSQL too: a copy of the database alone tells nothing.
It holds one key a line, `id base64`, the first of which encrypts; older ones only decrypt.
"""

import base64
import binascii
import hmac
import os
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from switchhook.core.errors import Misconfigured

T = TypeVar("T")

KEY_FILE = "key"
KEY_BYTES = 32
KEY_ID_BYTES = 4
NONCE_BYTES = 12
# Of the layout below; another layout gets another number.
VERSION = b"\x01"
HEAD_BYTES = len(VERSION) + KEY_ID_BYTES


class SecretBox:
    """Encrypts and decrypts with the keys of one key file; the first is the current one.

    Sealed: version, key id, nonce, AES-256-GCM text and tag. The place where a value lies (its
    account, table, row and field) is bound to it: moved elsewhere it does not open.
    """

    def __init__(self, keys: Mapping[bytes, bytes]) -> None:
        self._ciphers = {key_id: AESGCM(derive(key, b"seal")) for key_id, key in keys.items()}
        self._hash_keys = [derive(key, b"lookup") for key in keys.values()]
        self.key_ids = tuple(keys)
        self.key_id = self.key_ids[0]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the key file of a data folder; at the first start make it.

        Raises:
            Misconfigured: others on this machine may read it, or it is damaged.
        """
        path = folder / KEY_FILE
        if not path.exists():
            make_key_file(path)
        return cls(read_key_file(path))

    def seal(self, value: bytes, *, place: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        head = VERSION + self.key_id
        return head + nonce + self._ciphers[self.key_id].encrypt(nonce, value, head + place.encode())

    def open(self, sealed: bytes, *, place: str) -> bytes:
        """Decrypt what was sealed for the same place.

        Raises:
            Misconfigured: the key file is not the one it was sealed with, or it was tampered with.
        """
        head, nonce = sealed[:HEAD_BYTES], sealed[HEAD_BYTES : HEAD_BYTES + NONCE_BYTES]
        cipher = self._ciphers.get(head[len(VERSION) :])
        if cipher is None or not head.startswith(VERSION):
            raise Misconfigured("the key file does not fit this database: put back the one made with it")
        try:
            return cipher.decrypt(nonce, sealed[HEAD_BYTES + NONCE_BYTES :], head + place.encode())
        except (InvalidTag, ValueError):
            raise Misconfigured(f"an encrypted value was tampered with ({place})") from None

    def seal_json(self, value: object, *, place: str) -> bytes:
        return self.seal(msgspec.json.encode(value), place=place)

    def open_json(self, sealed: bytes, kind: type[T], *, place: str) -> T:
        return msgspec.json.decode(self.open(sealed, place=place), type=kind)

    def is_current(self, sealed: bytes) -> bool:
        """Tell whether the current key sealed this; if not, it is due for `reseal`."""
        return sealed.startswith(VERSION + self.key_id)

    def lookup(self, purpose: str, key: str) -> bytes:
        """Hash a key that a peer presents, so that it can be found without being stored."""
        return self.lookups(purpose, key)[0]

    def lookups(self, purpose: str, key: str) -> list[bytes]:
        """Give the hashes under every key of the file: a stored one may be older than the current."""
        message = purpose.encode() + b"\x00" + key.encode()
        return [hmac.digest(hash_key, message, "sha256") for hash_key in self._hash_keys]


def derive(key: bytes, purpose: bytes) -> bytes:
    """Make a key for one purpose of the one in the file (RFC 5869, 2.3)."""
    return HKDFExpand(algorithm=SHA256(), length=KEY_BYTES, info=b"switchhook " + purpose).derive(key)


def make_key_file(path: Path) -> None:
    """Make a key file, all of it or none; of two processes at once the first wins."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_key_file(path, {os.urandom(KEY_ID_BYTES): os.urandom(KEY_BYTES)}, is_new=True)


def rotate_key_file(path: Path) -> None:
    """Put a new key in front. Old ones stay: `reseal` what they sealed before they are taken out."""
    write_key_file(
        path, {os.urandom(KEY_ID_BYTES): os.urandom(KEY_BYTES), **read_key_file(path)}, is_new=False
    )


def write_key_file(path: Path, keys: Mapping[bytes, bytes], *, is_new: bool) -> None:
    lines = [f"{key_id.hex()} {base64.b64encode(key).decode()}\n" for key_id, key in keys.items()]
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            with suppress(FileExistsError):
                os.link(draft, path)
        else:
            os.rename(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_key_file(path: Path) -> dict[bytes, bytes]:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise Misconfigured(
            f"expected a key file that only its owner may read, got mode {mode:04o}: chmod 600 {path}"
        )
    keys: dict[bytes, bytes] = {}
    try:
        for line in path.read_text("ascii").splitlines():
            key_id, key = line.split()
            keys[bytes.fromhex(key_id)] = base64.b64decode(key, validate=True)
    except (ValueError, binascii.Error):
        keys = {}
    if not keys or any(len(i) != KEY_ID_BYTES or len(k) != KEY_BYTES for i, k in keys.items()):
        raise Misconfigured(f"the key file is damaged: {path}")
    return keys
