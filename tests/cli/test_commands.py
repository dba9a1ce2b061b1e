"""Every command keeps the contract: one JSON document, or one line of refusal, and its exit status."""

import inspect
import re
from pathlib import Path

import pytest

from switchhook.cli import NOUNS, make_app, run
from tests.cli.commands import command
from tests.store.new_files import make_file

DOCS = Path(__file__).parents[2] / "docs"


class Shell:
    """Runs commands in this process: fast, and the same as a script sees."""

    def __init__(self, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.data = data
        self._capsys = capsys

    def __call__(self, *words: str) -> tuple[int, str, str]:
        status = run([*words, "--data", str(self.data)])
        captured = self._capsys.readouterr()
        return status, captured.out, captured.err

    def json(self, *words: str) -> object:
        import msgspec

        status, out, err = self(*words, "--json")
        assert (status, err) == (0, "")
        return msgspec.json.decode(out)


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], own_logging: None) -> Shell:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    make_file(data / "switchhook.sqlite3")
    capsys.readouterr()
    return Shell(data, capsys)


@pytest.mark.parametrize(
    ("add", "listed", "remove"),
    [
        (
            ("employee", "add", "--name", "Anna", "--extension", "0101", "--login", "anna"),
            {"name": "Anna", "extension": "0101", "login": "anna"},
            ("employee", "remove", "0101"),
        ),
        (
            ("contact", "add", "--name", "Romashka", "--phone", "+79101234567", "--phone", "89165550199"),
            {"name": "Romashka", "phones": ["+79101234567", "89165550199"]},
            ("contact", "remove", "1"),
        ),
        (
            ("line", "add", "--number", "74951234567", "--name", "Sales", "--site", "shop", "--group", "all"),
            {"number": "74951234567", "name": "Sales", "site": "shop", "group": "all"},
            ("line", "remove", "+7 495 123-45-67"),
        ),
        (
            ("group", "add", "--name", "all", "--kind", "hunt", "--extension", "101", "102"),
            {"name": "all", "kind": "hunt", "extensions": ["101", "102"]},
            ("group", "remove", "all"),
        ),
    ],
    ids=["employee", "contact", "line", "group"],
)
def test_what_is_added_is_listed_until_it_is_removed(
    shell: Shell, add: tuple[str, ...], listed: dict[str, object], remove: tuple[str, ...]
) -> None:
    made = shell.json(*add)
    found = shell.json(add[0], "list")
    shell.json(*remove)
    left = shell.json(add[0], "list")

    assert isinstance(made, dict)
    assert isinstance(found, list)
    assert listed.items() <= made.items()
    assert found == [made]
    assert left == []


def test_a_connection_tells_what_to_enter_at_the_peer(shell: Shell) -> None:
    made = shell.json("connection", "add", "planfix", "--role", "pbx", "--name", "Office")

    assert isinstance(made, dict)
    assert set(made) >= {"id", "kind", "role", "urls", "keys"}
    assert (made["kind"], made["role"], set(made["urls"])) == ("planfix", "pbx", {"api"})
    assert re.fullmatch("[0-9a-f]{32}", made["keys"]["planfix_token"])


def test_secrets_of_a_connection_are_not_shown(shell: Shell) -> None:
    made = shell.json(
        "connection",
        "add",
        "planfix",
        "--role",
        "pbx",
        "--name",
        "Office",
        "--set",
        "pbx_token=canary-canary",
    )
    assert isinstance(made, dict)

    shown = shell("connection", "show", made["id"], "--json")[1] + shell("connection", "show", made["id"])[1]
    with_keys = shell("connection", "show", made["id"], "--keys")[1]

    assert "canary-canary" not in shown
    assert made["keys"]["planfix_token"] not in shown
    assert made["keys"]["planfix_token"] in with_keys


def test_a_connection_is_set_paused_resumed_and_removed(shell: Shell) -> None:
    made = shell.json("connection", "add", "planfix", "--role", "pbx", "--name", "Office")
    assert isinstance(made, dict)
    connection = made["id"]
    shell.json("connection", "set", connection, "pbx_url=http://127.0.0.1:1/x", "allow_private=true")
    settings = shell.json("connection", "show", connection)
    paused = shell.json("connection", "pause", connection)
    resumed = shell.json("connection", "resume", connection)
    shell.json("connection", "remove", connection)
    gone = shell("connection", "show", connection)

    assert isinstance(settings, dict)
    assert isinstance(paused, dict)
    assert isinstance(resumed, dict)
    assert settings["settings"]["pbx_url"] == "http://127.0.0.1:1/x"
    assert (paused["status"], resumed["status"]) == ("paused", "active")
    assert (gone[0], gone[1]) == (1, "")


def test_trying_a_connection_says_what_is_wrong(shell: Shell) -> None:
    made = shell.json(
        "connection", "add", "planfix", "--role", "crm", "--name", "P",
        "--set", "planfix_url=http://127.0.0.1:9/tel/api", "--set", "planfix_token=tttttttt",
        "--set", "allow_private=true",
    )  # fmt: skip
    assert isinstance(made, dict)

    status, out, err = shell("connection", "try", made["id"])

    assert status == 1
    assert "refuses connections" in out
    assert err.count("\n") == 1


def test_a_key_is_shown_once(shell: Shell) -> None:
    made = shell.json("key", "add", "--name", "site", "--allow", "10.0.0.0/8")
    assert isinstance(made, dict)
    listed = shell("key", "list", "--json")[1]
    shell.json("key", "revoke", str(made["id"]))
    revoked = shell.json("key", "list")

    assert len(made["key"]) == 64
    assert made["key"] not in listed
    assert isinstance(revoked, list)
    assert revoked[0]["revoked_at"] is not None


@pytest.mark.parametrize("suffix", [".csv", ".vcf"])
def test_contacts_go_to_a_file_and_come_back(shell: Shell, tmp_path: Path, suffix: str) -> None:
    shell.json("contact", "add", "--name", "ООО «Ромашка»", "--phone", "+79101234567", "--responsible", "101")
    file = tmp_path / f"book{suffix}"
    shell.json("contact", "export", str(file))
    again = shell.json("contact", "import", str(file))
    shell.data = tmp_path / "other"
    first = shell.json("contact", "import", str(file))
    listed = shell.json("contact", "list")

    assert again == {"read": 1, "added": 0}
    assert first == {"read": 1, "added": 1}
    assert isinstance(listed, list)
    assert (listed[0]["name"], listed[0]["responsible"]) == ("ООО «Ромашка»", "101")


def test_dialling_without_a_pbx_is_refused(shell: Shell) -> None:
    status, out, err = shell("dial", "--extension", "101", "--number", "+79101234567")

    assert (status, out) == (1, "")
    assert err == "switchhook: no PBX connection has extension 101\n"


@pytest.mark.parametrize("words", [("call", "list"), ("delivery", "list"), ("connection", "list")])
def test_an_empty_list_is_a_list(shell: Shell, words: tuple[str, ...]) -> None:
    assert shell.json(*words) == []


@pytest.mark.parametrize(
    "words",
    [
        ("call", "show", "nothing"),
        ("call", "list", "--since", "yesterday-ish"),
        ("connection", "add", "nothing", "--role", "pbx", "--name", "x"),
        ("connection", "add", "planfix", "--role", "nothing", "--name", "x"),
        ("connection", "add", "planfix", "--role", "pbx", "--name", "x", "--set", "nothing=1"),
        ("connection", "add", "planfix", "--role", "pbx", "--name", "x", "--set", "nothing"),
        ("connection", "show", "nothing"),
        ("connection", "remove", "nothing"),
        ("delivery", "replay", "7"),
        ("delivery", "replay"),
        ("employee", "add", "--name", "x", "--extension", "10\n1"),
        ("employee", "remove", "nobody"),
        ("contact", "import", "/nowhere.csv"),
        ("contact", "import", "/nowhere.xls"),
        ("key", "add", "--name", "x", "--allow", "nowhere"),
        ("login",),
        ("employee", "list", "--account", "nobody"),
    ],
    ids=" ".join,
)
def test_a_refusal_is_one_line_and_status_1(shell: Shell, words: tuple[str, ...]) -> None:
    status, out, err = shell(*words)

    assert (status, out) == (1, "")
    assert err.startswith("switchhook: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        ("nothing",),
        ("employee", "nothing"),
        ("employee", "add", "--name", "x"),
        ("employee", "list", "--nothing"),
        ("delivery", "list", "--state", "nothing"),
        ("group", "add", "--name", "x", "--kind", "nothing", "--extension", "1"),
        ("key", "revoke", "seven"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_one_line_and_status_2(shell: Shell, words: tuple[str, ...]) -> None:
    status, out, err = shell(*words)

    assert (status, out) == (2, "")
    assert err.count("\n") == 1


def test_replaying_what_there_is_not_is_done(shell: Shell) -> None:
    assert shell.json("delivery", "replay", "--dead") == {"replayed": 0}


def test_a_wrong_setting_is_refused_with_its_name(tmp_path: Path) -> None:
    done = command("employee", "list", data=tmp_path, environ={"SWITCHHOOK_PORT": "many"})

    assert (done.status, done.out) == (1, "")
    assert "port" in done.err
    assert done.err.count("\n") == 1


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    done = command("employee", "list", data=tmp_path / "file")

    assert (done.status, done.out) == (1, "")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("noun", NOUNS)
def test_every_command_is_documented(noun: str) -> None:
    page = (DOCS / "commands.md").read_text()
    app = make_app()[noun]
    names = [name for name in app if not name.startswith("-")]

    assert f"switchhook {noun}" in page
    assert all(f"switchhook {noun} {name}" in page for name in names)


@pytest.mark.parametrize("noun", NOUNS)
def test_every_command_explains_itself(noun: str) -> None:
    app = make_app()[noun]
    commands = [app[name] for name in app if not name.startswith("-")] or [app]

    assert all(inspect.getdoc(one.default_command) for one in commands)
