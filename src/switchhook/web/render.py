"""Templates to text, escaped and in one language; and our static files, under names that change with them."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import jinja2

from switchhook.web.views import clock
from switchhook.web.words import LANGUAGES, TABLES

HERE = Path(__file__).parent
STATIC = HERE / "static"

TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@cache
def environment() -> jinja2.Environment:
    """Make the template environment; an undefined name is a mistake of ours and raises."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals |= {"clock": clock, "static": static_url, "languages": LANGUAGES}
    return made


def render(template: str, language: str, now: datetime, **values: object) -> str:
    """Write one template."""
    return (
        environment()
        .get_template(template)
        .render(
            words=TABLES[language],
            language=language,
            now_ms=int(now.timestamp() * 1000),
            timer=lambda since_ms: clock(int(now.timestamp() - since_ms / 1000)),
            **values,
        )
    )


@cache
def static_files() -> Mapping[str, tuple[bytes, str, str]]:
    """Give every static file by its path: its bytes, type and version. They are few and small."""
    found = {}
    for path in sorted(STATIC.rglob("*")):
        kind = TYPES.get(path.suffix)
        if kind and path.is_file():
            content = path.read_bytes()
            version = hashlib.sha256(content).hexdigest()[:12]
            found[path.relative_to(STATIC).as_posix()] = (content, kind, version)
    return found


def static_url(name: str) -> str:
    """Give the address of a static file; it may be cached for ever, since another version has another."""
    return f"/static/{name}?v={static_files()[name][2]}"


def utc_now() -> datetime:
    return datetime.now(UTC)
