"""Logs: lines for people or JSON for machines, on standard error, and no secret in any of them."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from switchhook.core.text import mask

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

# Names of fields that hold a secret whatever is in them.
SECRET_NAME = re.compile(
    r"(?:^|[_\-.])(?:token|secret|password|passwd|authorization|cookie|(?:api|url|client)[_-]?key|keys?|signature|salt)$"
    r"|pbxtoken|apikey|clientid",
    re.IGNORECASE,
)
# Secrets inside a text: in queries and forms, in headers, in the user part and the path of a URL.
SECRET_TEXTS = (
    re.compile(
        r"(?P<keep>\b[\w\-.]*(?:token|secret|password|passwd|api_?key|client_?id|signature|authorization)"
        r"[\"']?\s*[=:]\s*[\"']?(?:bearer\s+|basic\s+)?)(?P<secret>[^\s\"'&,;}]+)",
        re.IGNORECASE,
    ),
    re.compile(r"(?P<keep>\b[a-z][a-z0-9+.\-]*://[^/\s:@]*:)(?P<secret>[^/\s@]+)(?=@)", re.IGNORECASE),
    re.compile(r"(?P<keep>/(?:x|r|login|lookup)/)(?P<secret>[\w\-]{8,})"),
    # Long random texts wherever they stand: keys as we make them, and as vendors do.
    re.compile(r"(?P<keep>)(?P<secret>\b(?=[0-9a-f]*[a-f])(?=[0-9a-f]*[0-9])[0-9a-f]{32,}\b)", re.IGNORECASE),
)
# Deeper values are not logged by anyone who means it.
MAX_DEPTH = 6


def setup_logs(*, level: str = "info", form: str = "console") -> None:
    """Send every log of the process, libraries' too, to standard error; masked."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, redact, structlog.processors.JSONRenderer()]
        if form == "json"
        else [
            structlog.processors.format_exc_info,
            redact,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ]
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(LEVELS[level])
    # What these say below a warning is about themselves.
    for name in ("uvicorn", "uvicorn.error", "aiohttp", "alembic", "asyncio", "litestar"):
        logging.getLogger(name).setLevel(max(LEVELS[level], logging.WARNING))


def redact(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask what looks like a key in every field of a log event, by its name and by its form."""
    for name, value in event.items():
        event[name] = _redacted(name, value, 0)
    return event


def redact_text(text: str) -> str:
    """Mask what looks like a key inside a text."""
    for pattern in SECRET_TEXTS:
        text = pattern.sub(lambda found: found["keep"] + mask(found["secret"]), text)
    return text


def _redacted(name: str, value: object, depth: int) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if SECRET_NAME.search(name):
        return mask(str(value))
    if isinstance(value, str):
        return redact_text(value)
    if depth >= MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {key: _redacted(str(key), inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted("", inner, depth + 1) for inner in value]
    return redact_text(str(value))
