"""No secret gets into a log, however it is spelt there."""

import io
import json
import logging
import sys

import pytest
import structlog

from switchhook.app.logs import redact_text, setup_logs

CANARY = "canary-5f1c9b7ae0d34f6c8b2a917d"
HEX = "5d0c4f1e9b7a6d3c2e8f0a1b4c5d6e7f"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch, own_logging: None) -> io.StringIO:
    """Everything that is logged, in JSON."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    setup_logs(level="debug", form="json")
    return stream


@pytest.mark.parametrize(
    "fields",
    [
        {"token": CANARY},
        {"planfix_token": CANARY},
        {"api_key": CANARY},
        {"headers": {"Authorization": f"Bearer {CANARY}"}},
        {"settings": [{"password": CANARY}]},
        {"url": f"https://pbx.example/hook?token={CANARY}&a=1"},
        {"body": f"cmd=event&planfix_token={CANARY}&phone=7"},
        {"body": f'{{"api_key": "{CANARY}"}}'},
        {"reason": f"postgresql://user:{CANARY}@db/x refuses connections"},
        {"path": f"/x/{CANARY}/tel/api"},
        {"path": f"/login/{CANARY}"},
        {"path": f"/r/{CANARY}.mp3"},
        {"text": f"Authorization: Basic {CANARY}"},
    ],
)
def test_a_secret_is_masked_by_its_name_and_by_its_form(
    written: io.StringIO, fields: dict[str, object]
) -> None:
    structlog.get_logger("canary").warning("something", **fields)

    line = written.getvalue()
    assert json.loads(line)["event"] == "something"
    assert CANARY not in line


def test_a_secret_in_a_traceback_is_masked(written: io.StringIO) -> None:
    try:
        raise ValueError(f"cannot use token={CANARY}")
    except ValueError:
        structlog.get_logger("canary").exception("failed")

    assert "ValueError" in written.getvalue()
    assert CANARY not in written.getvalue()


def test_libraries_are_masked_too(written: io.StringIO) -> None:
    logging.getLogger("some.package").warning("asked %s", f"https://crm.example/?api_key={CANARY}")

    assert "crm.example" in written.getvalue()
    assert CANARY not in written.getvalue()


def test_long_random_texts_are_masked_wherever_they_stand() -> None:
    assert HEX not in redact_text(f"the peer said {HEX} to us")


@pytest.mark.parametrize(
    "text", ["call 79101234567 from 101", "c-qgfh37rmk4", "listening on http://127.0.0.1:8420"]
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact_text(text) == text
