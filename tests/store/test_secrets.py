"""Secrets at rest: who may read the key file, and that nothing opens without it."""

import stat
from pathlib import Path

import pytest
import sqlalchemy as sa

from switchhook.core.connector import Role
from switchhook.core.errors import Misconfigured
from switchhook.store import Store
from switchhook.store.api_keys import add_api_key, find_api_key
from switchhook.store.connections import (
    add_connection,
    find_by_presented_key,
    find_by_url_key,
    get_connection,
    reseal_connections,
    set_state,
)
from switchhook.store.hub_settings import check_key
from switchhook.store.secrets import SecretBox, read_key_file, rotate_key_file
from switchhook.store.tables import load_tables
from tests.store.times import NOW


def test_makes_a_key_file_for_its_owner_only(tmp_path: Path) -> None:
    SecretBox.load(tmp_path / "data")

    assert stat.S_IMODE((tmp_path / "data" / "key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_refuses_a_key_file_that_others_may_read(tmp_path: Path, mode: int) -> None:
    SecretBox.load(tmp_path)
    (tmp_path / "key").chmod(mode)

    with pytest.raises(Misconfigured, match="chmod 600"):
        SecretBox.load(tmp_path)


@pytest.mark.parametrize("text", ["", "no key", "00ff00ff c2hvcnQ=\n", "zz c2hvcnQ=\n"])
def test_refuses_a_damaged_key_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "key").write_text(text)
    (tmp_path / "key").chmod(0o600)

    with pytest.raises(Misconfigured, match="damaged"):
        SecretBox.load(tmp_path)


def test_opens_what_it_sealed_after_a_restart(tmp_path: Path) -> None:
    sealed = SecretBox.load(tmp_path).seal(b"canary", place="1/here")

    assert SecretBox.load(tmp_path).open(sealed, place="1/here") == b"canary"


def test_seals_the_same_differently_each_time(box: SecretBox) -> None:
    assert box.seal(b"canary", place="1/here") != box.seal(b"canary", place="1/here")


def test_does_not_open_a_value_moved_elsewhere(box: SecretBox) -> None:
    sealed = box.seal(b"canary", place="1/here")

    with pytest.raises(Misconfigured, match="tampered"):
        box.open(sealed, place="2/here")


@pytest.mark.parametrize("position", range(0, 39, 5))
def test_does_not_open_a_value_with_a_changed_byte(box: SecretBox, position: int) -> None:
    sealed = bytearray(box.seal(b"canary", place="1/here"))
    sealed[position] ^= 1

    with pytest.raises(Misconfigured):
        box.open(bytes(sealed), place="1/here")


async def test_refuses_the_key_file_of_another_hub(store: Store, box: SecretBox, tmp_path: Path) -> None:
    await store.write(check_key, box)
    await store.write(check_key, box)

    with pytest.raises(Misconfigured, match="put back"):
        await store.write(check_key, SecretBox.load(tmp_path / "other"))


async def test_keeps_opening_and_finding_while_keys_are_rotated(
    store: Store, box: SecretBox, account_id: int, tmp_path: Path
) -> None:
    made = await store.write(
        add_connection, account_id, box,
        kind="planfix", role=Role.PBX, name="PBX", at=NOW,
        settings={"pbx_token": "canary"}, secret_names=["pbx_token"], keys={"planfix_token": "presented"},
    )  # fmt: skip
    _, api_key = await store.write(add_api_key, account_id, box, name="script", at=NOW)
    await store.write(check_key, box)
    rotate_key_file(tmp_path / "key")
    both = SecretBox.load(tmp_path)
    before = await store.read(find_by_presented_key, both, "planfix", "presented")
    resealed = [await store.write(reseal_connections, both) for _ in range(2)]
    await store.write(check_key, both)
    newest = SecretBox({both.key_id: next(iter(keys_in(tmp_path)))})

    assert before == made
    assert resealed == [1, 0]
    assert await store.read(get_connection, account_id, newest, made.id) == made
    assert await store.read(find_by_presented_key, newest, "planfix", "presented") == made
    assert await store.read(find_by_url_key, newest, made.url_key) == made
    assert await store.read(find_api_key, both, api_key) is not None


def keys_in(folder: Path) -> list[bytes]:
    return list(read_key_file(folder / "key").values())


async def test_no_secret_is_in_the_database(
    store: Store, where: str, box: SecretBox, account_id: int, tmp_path: Path
) -> None:
    made = await store.write(
        add_connection, account_id, box,
        kind="planfix", role=Role.PBX, name="PBX", at=NOW,
        settings={"pbx_url": "https://pbx.example", "pbx_token": "canary-setting"},
        secret_names=["pbx_token"], keys={"planfix_token": "canary-key"},
    )  # fmt: skip
    await store.write(set_state, account_id, box, made.id, {"token": "canary-state"})
    _, api_key = await store.write(add_api_key, account_id, box, name="script", at=NOW)
    written = await store.read(everything)
    await store.close()
    files = files_of(tmp_path)

    for secret in ("canary", api_key, made.url_key):
        assert secret.encode() not in written
        assert secret.encode() not in files
    assert b"pbx.example" in written


def files_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("hub.db*"))


def everything(tx: sa.Connection) -> bytes:
    """Give every value of every table, one after the other."""
    rows = [row for table in load_tables().sorted_tables for row in tx.execute(sa.select(table))]
    return b"\n".join(v if isinstance(v, bytes) else str(v).encode() for row in rows for v in row)
