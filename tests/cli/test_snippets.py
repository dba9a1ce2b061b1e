"""`connection show ID --snippet` prints what belongs into the peer's files, and secrets only as asked."""

from pathlib import Path

from tests.cli.commands import command


def added(data: Path, *settings: str) -> dict[str, object]:
    words = [word for one in settings for word in ("--set", one)]
    made = command(
        "connection", "add", "asterisk", "--role", "pbx", "--name", "Office", *words, "--json", data=data
    )
    assert made.status == 0, made.err
    found: dict[str, object] = made.json
    return found


def test_the_lines_can_be_pasted_as_they_are(tmp_path: Path) -> None:
    made = added(tmp_path, "mode=ami", "host=192.0.2.7", "password=canary-secret")

    shown = command("connection", "show", str(made["id"]), "--snippet", data=tmp_path)

    assert shown.status == 0
    assert shown.out.startswith("; manager.conf: ")
    lines = shown.out.splitlines()
    assert any(len(line) > 200 and line.startswith("eventfilter = ") for line in lines)
    assert "canary" not in shown.out


def test_a_key_of_the_hub_is_in_it_only_when_asked_for(tmp_path: Path) -> None:
    made = added(tmp_path, "mode=ari-inbound")
    keys = made["keys"]
    assert isinstance(keys, dict)

    masked = command("connection", "show", str(made["id"]), "--snippet", data=tmp_path)
    whole = command("connection", "show", str(made["id"]), "--snippet", "--keys", "--json", data=tmp_path)

    assert keys["password"] not in masked.out
    texts = {one["file"]: one["text"] for one in whole.json}
    assert f"password = {keys['password']}\n" in texts["websocket_client.conf"]
    assert "uri = wss://hub.example.com/x/" in texts["websocket_client.conf"]


def test_a_protocol_without_any_says_so(tmp_path: Path) -> None:
    made = command(
        "connection", "add", "planfix", "--role", "pbx", "--name", "Office", "--json", data=tmp_path
    ).json

    shown = command("connection", "show", made["id"], "--snippet", data=tmp_path)

    assert shown.status == 1
    assert "set up by hand" in shown.err
