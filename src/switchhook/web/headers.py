"""Headers that every answer of ours to a browser carries."""

from collections.abc import Iterable

from switchhook.net.asgi import Message, Send

# No inline script or style, nothing from elsewhere, nobody may frame us.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

PAGE_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # "no-referrer" would take the Origin from our own forms as well.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
)
STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000")
# To answers that are no pages: connectors' replies and recordings.
PLAIN_HEADERS: tuple[tuple[bytes, bytes], ...] = ((b"x-content-type-options", b"nosniff"),)


def page_headers(*, is_tls: bool) -> tuple[tuple[bytes, bytes], ...]:
    return (*PAGE_HEADERS, STRICT_TRANSPORT) if is_tls else PAGE_HEADERS


def with_headers(send: Send, extra: Iterable[tuple[bytes, bytes]]) -> Send:
    """Give a `send` that puts these headers on whatever starts; a header already there is kept."""
    added = tuple(extra)

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message["headers"])
            present = {name.lower() for name, _ in headers}
            message["headers"] = headers + [pair for pair in added if pair[0] not in present]
        await send(message)

    return sending
