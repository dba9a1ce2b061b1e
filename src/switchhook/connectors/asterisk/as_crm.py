"""The hub in place of whatever else would listen to an Asterisk and command it: a link that stays open."""

import hmac
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Sequence

from switchhook.connectors.asterisk.fields import FIELDS
from switchhook.connectors.asterisk.link.dialling import dial
from switchhook.connectors.asterisk.link.presence import set_presence
from switchhook.connectors.asterisk.link.recordings import recording_headers
from switchhook.connectors.asterisk.link.run import run
from switchhook.connectors.asterisk.probe import probe
from switchhook.connectors.asterisk.settings import Mode
from switchhook.connectors.asterisk.snippets import snippets
from switchhook.core.connector import Capability, Key, Link, Role, Side
from switchhook.core.edge import Request
from switchhook.core.errors import Refused
from switchhook.core.number import DIALABLE

SUBPROTOCOL = "ari"
KEY = "password"


def admit(request: Request, link: Link) -> str:
    """Judge the websocket that a PBX opens to us: user and password, and that it speaks ARI.

    Raises: Refused: they are missing or wrong, or this connection is of another mode.
    """
    if link.settings["mode"] != Mode.ARI_INBOUND.value:
        raise Refused("this connection is not set to be connected to (mode ari-inbound)")
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        raise Refused("expected user and password", is_missing=True)
    try:
        user, _, password = b64decode(token.strip(), validate=True).decode().partition(":")
    except (NotBase64, UnicodeDecodeError, ValueError):
        raise Refused("expected user and password in base64") from None
    is_user = hmac.compare_digest(user.encode(), link.settings["user"].encode())
    if not link.accepts(KEY, password) or not is_user:
        raise Refused("the user or the password is wrong")
    offered = [one.strip() for one in request.headers.get("sec-websocket-protocol", "").split(",")]
    if SUBPROTOCOL not in offered:
        raise Refused("expected subprotocol ari")
    return SUBPROTOCOL


def extensions(link: Link) -> Sequence[str]:
    """Give the extensions that the list of phones names without a pattern."""
    entries = link.settings["phones"].replace(",", " ").split()
    named = [name_or_extension.rpartition("=")[2] for name_or_extension in entries]
    return [one for one in named if DIALABLE.fullmatch(one) and "*" not in one]


SIDE = Side(
    role=Role.PBX,
    fields=FIELDS,
    keys=(Key(name=KEY, label="Password for the PBX, mode ari-inbound"),),
    urls={"ari": "/ari"},
    run=run,
    admit=admit,
    dial=dial,
    extensions=extensions,
    set_presence=set_presence,
    recording_headers=recording_headers,
    probe=probe,
    snippets=snippets,
    capabilities={
        Capability.CALLER_NAME: "on phones that the hub rings; else by the caller lookup",
        Capability.ROUTING: "of calls that the dialplan hands over; else by the caller lookup",
        Capability.RINGING: "",
        Capability.ANSWERED: "",
        Capability.LOSERS: "",
        Capability.ENDED: "",
        Capability.HISTORY: "made of the events; for a time when nobody listened there is none",
        Capability.WAITING_TIME: "",
        Capability.RECORDING: "stored by ARI, or where a web server offers what MixMonitor wrote",
        Capability.LATE_RECORDING: "",
        Capability.DIAL: "the call carries an id that is known beforehand",
        Capability.PRESENCE_FROM_PEER: "pauses in queues; phones in a call, where that is set",
        Capability.PRESENCE_TO_PEER: "pauses in queues over AMI; the hub itself rings nobody who is away",
        Capability.TRANSFERS: "blind and attended, under one call id",
    },
)
