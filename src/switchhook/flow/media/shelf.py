"""Where recordings are kept: a folder, or a bucket at S3, Google or Azure; one file per content.

A file is written aside, made durable and only then put in its place: what a link leads to is whole.
"""

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import TracebackType
from typing import IO, Self

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from switchhook.core.errors import StoreDown
from switchhook.flow.media.ranges import Part
from switchhook.flow.media.sniff import HEAD_BYTES

PIECE_BYTES = 256 * 1024
# Written aside and never finished, since the hub was killed meanwhile.
ASIDE_IS_LEFT_AFTER_SECONDS = 24 * 3600.0


class Shelf:
    """Files by their key. The folder holds what is being written, and without `url` all the rest too."""

    def __init__(self, folder: Path, *, url: str | None = None) -> None:
        self._folder = folder
        self._aside = folder / "incoming"
        self._aside.mkdir(parents=True, exist_ok=True)
        self._is_local = url is None
        self._store: ObjectStore = LocalStore(folder) if url is None else from_url(url)
        _sweep(self._aside)

    def new_file(self) -> "NewFile":
        """Begin a file that is written aside; use as a context manager."""
        return NewFile(self._aside)

    async def keep(self, file: "NewFile", key: str) -> None:
        """Put a finished file in its place, for good. One that is there already has the same content.

        Raises:
            StoreDown: the bucket does not answer.
        """
        if self._is_local:
            await asyncio.to_thread(_move, file.path, self._folder / key)
            return
        with _reaching(), suppress(AlreadyExistsError):
            await obstore.put_async(self._store, key, file.path, mode="create")

    async def size_bytes(self, key: str) -> int | None:
        """Tell how large a file is; None: there is none by this key.

        Raises:
            StoreDown: the bucket does not answer.
        """
        with _reaching():
            try:
                found = await obstore.head_async(self._store, key)
            except FileNotFoundError:
                return None
        return found["size"]

    async def open(self, key: str, part: Part) -> AsyncIterator[bytes]:
        """Find a file and give a part of it in pieces.

        Raises:
            FileNotFoundError: it is gone.
            StoreDown: the bucket does not answer.
        """
        with _reaching():
            got = await obstore.get_async(self._store, key, options={"range": (part.start, part.end)})
        return _pieces(got)

    @asynccontextmanager
    async def lend(self, key: str) -> AsyncIterator[IO[bytes]]:
        """Open a file for who needs a real one; of a bucket, a copy that is gone after the block.

        Raises: as `open`.
        """
        if self._is_local:
            with await asyncio.to_thread((self._folder / key).open, "rb") as file:
                yield file
            return
        with _reaching():
            got = await obstore.get_async(self._store, key)
            with self.new_file() as copy:
                async for piece in _pieces(got):
                    await copy.write(piece)
                await copy.finish()
                with await asyncio.to_thread(copy.path.open, "rb") as file:
                    yield file


class NewFile:
    """A file that is being written, hashed as it grows; gone after the block unless it was kept."""

    def __init__(self, folder: Path) -> None:
        self._hash = hashlib.sha256()
        self._file = NamedTemporaryFile(dir=folder, suffix=".part", delete=False)  # noqa: SIM115
        self.path = Path(self._file.name)
        self.head = b""
        self.size_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)

    async def write(self, piece: bytes) -> None:
        """Add bytes; in a thread, since disks are slow and the loop is not theirs."""
        if len(self.head) < HEAD_BYTES:
            self.head += piece[: HEAD_BYTES - len(self.head)]
        self.size_bytes += len(piece)
        await asyncio.to_thread(self._add, piece)

    async def finish(self) -> str:
        """Make what was written durable; give its SHA-256."""
        await asyncio.to_thread(self._sync)
        return self._hash.hexdigest()

    @property
    def handle(self) -> IO[bytes]:
        """The open file, for somebody else to write; `finish` then makes it durable and hashes nothing."""
        return self._file

    def _add(self, piece: bytes) -> None:
        self._hash.update(piece)
        self._file.write(piece)

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())


@contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except BaseError as error:
        # What a bucket answers may hold its address and more.
        raise StoreDown("the place where recordings are kept does not answer") from error


def key_of(account_id: int, sha256: str) -> str:
    """Name a file by its content; accounts never share one, so that one can be deleted whole."""
    return f"{account_id}/{sha256[:2]}/{sha256}"


async def _pieces(got: "obstore.GetResult") -> AsyncIterator[bytes]:
    async for piece in got.stream(min_chunk_size=PIECE_BYTES):
        yield bytes(piece)


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source.replace(target)
    for folder in (target.parent, target.parent.parent):
        _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    """A rename is durable once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sweep(aside: Path) -> None:
    for path in aside.glob("*.part"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > ASIDE_IS_LEFT_AFTER_SECONDS:
                path.unlink()
