"""A key is made with what it may do, shown once, and known again by its hint."""

from pathlib import Path

import msgspec
import pytest

from switchhook.cli import run

ALL = ["read", "write", "dial", "lookup"]


class Shell:
    """Runs commands in this process: fast, and the same as a script sees."""

    def __init__(self, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.data = data
        self._capsys = capsys

    def __call__(self, *words: str) -> tuple[int, str, str]:
        status = run(["key", *words, "--data", str(self.data)])
        captured = self._capsys.readouterr()
        return status, captured.out, captured.err

    def made(self, *words: str) -> dict[str, object]:
        status, out, err = self("add", "--name", "site", *words, "--json")
        assert (status, err) == (0, "")
        return msgspec.json.decode(out, type=dict[str, object])

    def listed(self) -> list[dict[str, object]]:
        return msgspec.json.decode(self("list", "--json")[1], type=list[dict[str, object]])


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], own_logging: None) -> Shell:
    return Shell(tmp_path, capsys)


def test_a_plain_key_may_do_everything_from_anywhere(shell: Shell) -> None:
    made = shell.made()
    key = str(made.pop("key"))

    assert len(key) == 64
    assert made["hint"] == f"{key[:4]}…{key[-4:]}"
    assert made["scopes"] == ALL
    assert (made["allow"], made["zone"]) == ([], "UTC")
    assert (made["rate_requests"], made["rate_seconds"]) == (None, None)
    assert shell.listed() == [made]


def test_what_a_key_may_do_is_said_when_it_is_made(shell: Shell) -> None:
    made = shell.made(
        "--allow", "10.1.2.3/8", "2001:DB8::1", "::ffff:192.0.2.1", "--scope", "lookup", "dial", "lookup",
        "--zone", "Australia/Sydney", "--rate", "100/900",
    )  # fmt: skip

    assert made["allow"] == ["10.0.0.0/8", "2001:db8::1/128", "192.0.2.1/32"]
    assert made["scopes"] == ["dial", "lookup"]
    assert made["zone"] == "Australia/Sydney"
    assert (made["rate_requests"], made["rate_seconds"]) == (100, 900)


def test_a_list_shows_the_hint_and_never_the_key(shell: Shell) -> None:
    made = shell.made("--rate", "5/60")

    plain = shell("list")[1]
    as_json = shell("list", "--json")[1]

    assert str(made["key"]) not in plain + as_json
    assert str(made["hint"]) in plain
    assert "5/60" in plain


def test_made_for_people_only_the_key_is_printed(shell: Shell) -> None:
    status, out, err = shell("add", "--name", "site")

    assert (status, err) == (0, "")
    assert len(out) == 65
    assert out.endswith("\n")


@pytest.mark.parametrize(
    "words",
    [
        ("--zone", "Mars/Olympus"),
        ("--zone", "../../etc/passwd"),
        ("--zone", ""),
        ("--rate", "100"),
        ("--rate", "0/60"),
        ("--rate", "100/0"),
        ("--rate", "10001/60"),
        ("--rate", "100/86401"),
        ("--rate", "1e3/60"),
        ("--rate", "9" * 5000 + "/1"),
        ("--allow", "10.0.0.0/33"),
        ("--allow", "example.com"),
        ("--allow", ""),
    ],
    ids=lambda words: " ".join(words)[:40],
)
def test_what_cannot_be_meant_is_refused_in_one_line_and_no_key_is_made(
    shell: Shell, words: tuple[str, ...]
) -> None:
    status, out, err = shell("add", "--name", "site", *words)

    assert (status, out) == (1, "")
    assert err.startswith("switchhook: ")
    assert err.count("\n") == 1
    assert shell.listed() == []


def test_a_scope_that_there_is_not_is_wrong_usage(shell: Shell) -> None:
    status, out, err = shell("add", "--name", "site", "--scope", "fly")

    assert (status, out) == (2, "")
    assert err.count("\n") == 1


def test_a_revoked_key_stays_in_the_list(shell: Shell) -> None:
    made = shell.made()
    shell("revoke", str(made["id"]))
    (listed,) = shell.listed()

    assert made["revoked_at"] is None
    assert listed["revoked_at"] is not None
    assert listed["hint"] == made["hint"]
