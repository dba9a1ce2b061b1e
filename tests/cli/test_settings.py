"""Settings are read once, strictly, and every one of them is documented."""

from pathlib import Path

import msgspec
import pytest

from switchhook.core.errors import Misconfigured
from switchhook.settings import FILE_NAME, Settings, read_place

DOCS = Path(__file__).parents[2] / "docs"
NAMES = [field.name for field in msgspec.structs.fields(Settings)]


def test_what_is_said_nearer_wins(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text('port = 1\nhost = "127.0.0.2"\nregion = "KZ"\n')
    environ = {"SWITCHHOOK_PORT": "2", "SWITCHHOOK_HOST": "127.0.0.3"}

    settings = read_place(tmp_path, environ=environ, given={"port": 3, "public_url": None}).settings

    assert (settings.port, settings.host, settings.region) == (3, "127.0.0.3", "KZ")
    assert settings.public_url == ""


def test_the_folder_may_come_from_the_environment(tmp_path: Path) -> None:
    assert read_place(environ={"SWITCHHOOK_DATA": str(tmp_path)}).folder == tmp_path


def test_lists_in_the_environment_are_separated_by_commas(tmp_path: Path) -> None:
    place = read_place(tmp_path, environ={"SWITCHHOOK_TRUSTED_PROXIES": "10.0.0.0/8, ::1"})

    assert [str(network) for network in place.trusted_networks] == ["10.0.0.0/8", "::1/128"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("prot = 1", "prot"),
        ("port = 70000", "port"),
        ('port = "many"', "port"),
        ('region = "Russia"', "region"),
        ('log_level = "loud"', "log_level"),
        ('trusted_proxies = ["10.0.0.300"]', "trusted_proxies"),
        ('public_url = "hub.example"', "public_url"),
        ('database_url = "mysql://localhost/x"', "database_url"),
        ("lookup_deadline_ms = 5000", "lookup_deadline_ms"),
    ],
)
def test_a_wrong_setting_is_named_with_its_place(tmp_path: Path, text: str, name: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)

    with pytest.raises(Misconfigured, match=FILE_NAME) as caught:
        read_place(tmp_path, environ={})

    assert caught.value.field == name
    assert name in caught.value.reason


def test_a_file_that_is_not_toml_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("port: 1")

    with pytest.raises(Misconfigured, match="expected TOML"):
        read_place(tmp_path, environ={})


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    place = read_place(tmp_path, environ={"SWITCHHOOK_DATABASE_URL": "postgresql://u:canary@db/x"})

    assert "canary" not in repr(place.settings)
    assert "canary" not in repr(place)


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_is_documented(name: str) -> None:
    page = (DOCS / "configuration.md").read_text()

    assert f"`{name}`" in page
    assert f"`SWITCHHOOK_{name.upper()}`" in page
