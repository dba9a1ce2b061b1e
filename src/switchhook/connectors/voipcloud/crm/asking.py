"""Requests to the PBX's API, and what it means when they are refused, in words."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from switchhook.connectors.voipcloud.wire.envelope import Envelope, read_envelope, speaks_of_licence
from switchhook.core.connector import Answer, Link
from switchhook.core.errors import BadMessage, HubError, Misconfigured, PeerDown, TooMany

KEY_OR_ADDRESS = "the PBX does not list our address or the key is wrong"
VERSIONS = ("v2", "v1")
# What is shown of a text that the PBX wrote.
LONGEST_SHOWN = 200
LONGEST_WAIT_SECONDS = 6 * 3600


async def get(link: Link, method: str, query: Mapping[str, str]) -> Answer:
    """Ask a GET of the API; any status is an answer.

    Raises:
        PeerDown: no answer.
        Misconfigured: the address cannot be asked.
    """
    return await link.http.send("GET", address_of(link, method), query=query, headers=key_of(link))


async def post(link: Link, method: str, body: bytes, content_type: str) -> Answer:
    """Send a POST of the API, once. Raises as `get`."""
    headers = {**key_of(link), "content-type": content_type}
    return await link.http.send("POST", address_of(link, method), json=body, headers=headers)


def address_of(link: Link, method: str) -> str:
    """Give where a method of the API is.

    Raises:
        Misconfigured: the address is not https, and private addresses are not allowed either.
    """
    url = link.settings.get("url", "").rstrip("/")
    if urlsplit(url).scheme != "https" and not link.is_on("allow_private"):
        raise Misconfigured("expected an https address of the PBX", connection=link.name, field="url")
    return f"{url}/api/integration/{version_of(link)}/{method}"


def version_of(link: Link) -> str:
    return link.settings.get("version") or VERSIONS[0]


def key_of(link: Link) -> dict[str, str]:
    return {"token": link.settings.get("token", "")}


def understood(answer: Answer, link: Link) -> Envelope:
    """Give the envelope of a success.

    Raises:
        Misconfigured, TooMany, PeerDown, BadMessage: see `failure`; BadMessage too where a success
            cannot be read.
    """
    if not 200 <= answer.status < 300:
        raise failure(answer, link)
    envelope = read_envelope(answer.body)
    if not envelope.is_success:
        raise failure(answer, link, status=envelope.code or 400)
    return envelope


def failure(answer: Answer, link: Link, *, status: int | None = None) -> HubError:
    """Say what a refusal means; `status` is what the body says where HTTP says something else."""
    said = said_by(answer)
    match status or answer.status:
        case code if code == 402 or (code < 500 and speaks_of_licence(answer.body)):
            return Misconfigured(f"the PBX account has no licence for its API: {said}", connection=link.name)
        case 401 | 403:
            return Misconfigured(KEY_OR_ADDRESS, connection=link.name, field="token")
        case 408 | 425 | 429:
            wait = retry_after(answer)
            hint = f", in {wait:g} seconds" if wait is not None else ""
            return TooMany(f"the PBX asks us to come later{hint}", retry_after_seconds=wait)
        case code if code >= 500:
            return PeerDown(f"the PBX is failing ({code}): {said}")
        case 404 | 405 as code:
            text = f"there is no API {version_of(link)} at this address ({code})"
            return Misconfigured(text, connection=link.name, field="url")
        case code if 300 <= code < 400:
            text = f"the address leads elsewhere ({code}); expected the API itself"
            return Misconfigured(text, connection=link.name, field="url")
        case _:
            return BadMessage(f"the PBX refuses the request: {said}")


def retry_after(answer: Answer) -> float | None:
    """Give the seconds that a refusal asks to wait; None without a whole number of them."""
    written = answer.headers.get("retry-after", "").strip()
    if not written.isascii() or not written.isdigit() or len(written) > 9:
        return None
    return float(min(int(written), LONGEST_WAIT_SECONDS))


def said_by(answer: Answer) -> str:
    """Give the PBX's own text for a log and a screen; a page of HTML says nothing."""
    try:
        message = read_envelope(answer.body).message
    except BadMessage:
        message = ""
    return message[:LONGEST_SHOWN] or f"status {answer.status} without a text"
