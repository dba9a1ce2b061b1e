"""Configuration to be pasted into an Asterisk, with a connection's own values. Pure.

Passwords that an administrator entered are not shown; keys are shown as the link given has them, so
whoever asks decides. Checked by loading each into Asterisk 22.10.1.
"""

from collections.abc import Sequence
from hashlib import sha256
from urllib.parse import urlsplit

from switchhook.connectors.asterisk.listen.from_ami import MONITOR_FILE
from switchhook.connectors.asterisk.settings import Mode, Settings, read_settings
from switchhook.core.connector import Link, Snippet

EXAMPLE = "https://hub.example.com"
HIDDEN = "PASSWORD-ENTERED-IN-THE-HUB"
# Every event of the manager interface that is read here; all others are kept back by the PBX.
EVENTS = (
    "Newchannel", "Newstate", "NewCallerid", "NewConnectedLine", "SoftHangupRequest", "HangupRequest",
    "Hangup", "DialBegin", "DialState", "DialEnd", "BridgeEnter", "BridgeLeave", "QueueCallerJoin",
    "QueueCallerAbandon", "AgentCalled", "AgentConnect", "QueueMemberPause", "Pickup", "MixMonitorStart",
    "OriginateResponse", "DeviceStateChange", "Cdr",
)  # fmt: skip


def snippets(link: Link) -> Sequence[Snippet]:
    """Give what has to stand in the PBX's files for this connection, file by file.

    Raises: Misconfigured: a setting is missing or wrong.
    """
    settings = read_settings(link.settings)
    match settings.mode:
        case Mode.ARI:
            return (_http(settings), _ari(settings), _dialplan(settings), _lookup(link, settings))
        case Mode.ARI_INBOUND:
            connected = _websocket(link, settings), _ari_outbound(link, settings)
            return (*connected, _dialplan(settings), _lookup(link, settings))
        case Mode.AMI:
            dialplan = (_dialling(settings),) if settings.context else ()
            return (_manager(settings), _cdr(), *dialplan, _lookup(link, settings))


def _http(settings: Settings) -> Snippet:
    parts = urlsplit(settings.url)
    prefix = parts.path.removesuffix("/ari").strip("/")
    if parts.scheme == "https":
        listens = [
            "tlsenable = yes",
            f"tlsbindaddr = 0.0.0.0:{parts.port or 443}",
            "tlscertfile = /etc/asterisk/keys/asterisk.pem",
        ]
    else:
        host = parts.hostname or ""
        listens = [
            f"bindaddr = {'127.0.0.1' if host in ('127.0.0.1', 'localhost') else '0.0.0.0'}",
            f"bindport = {parts.port or 80}",
        ]
    lines = ["[general]", "enabled = yes", *listens, *([f"prefix = {prefix}"] if prefix else [])]
    return Snippet("http.conf", _text(lines), "Where ARI listens; let only the hub's address reach it.")


def _ari(settings: Settings) -> Snippet:
    lines = [*_ari_general(settings), *_ari_user(settings, HIDDEN)]
    return Snippet("ari.conf", _text(lines), "The user, and what tells which channels are one call.")


def _ari_general(settings: Settings) -> list[str]:
    return [
        "[general]",
        "enabled = yes",
        "websocket_write_timeout = 2000",
        f"channelvars = CHANNEL(linkedid),{settings.plan.did_variable}",
    ]


def _ari_user(settings: Settings, password: str) -> list[str]:
    return ["", f"[{settings.user}]", "type = user", "read_only = no", f"password = {password}"]


def _ari_outbound(link: Link, settings: Settings) -> Snippet:
    # The user lends the websocket its rights, and Asterisk wants a plain password of it though nobody has to
    # know one. A change of it would take effect only when Asterisk is started anew, so it is made of what
    # stays when keys are replaced: the connection's own address.
    made = sha256(f"local user of {urlsplit(link.urls['ari']).path}".encode()).hexdigest()[:32]
    user = _ari_user(settings, HIDDEN if settings.password else made)
    lines = [
        *_ari_general(settings),
        *user,
        "",
        f"[{settings.app}-link]",
        "type = outbound_websocket",
        f"websocket_client_id = {settings.app}-hub",
        f"apps = {settings.app}",
        "subscribe_all = no",
        f"local_ari_user = {settings.user}",
    ]
    return Snippet("ari.conf", _text(lines), "What the PBX tells the hub, and as whom the hub acts.")


def _websocket(link: Link, settings: Settings) -> Snippet:
    uri = link.urls["ari"]
    if not link.public_url:
        uri = f"{EXAMPLE}{uri}"  # until the hub knows its own address
    is_tls = uri.startswith(("https:", "wss:"))
    lines = [
        f"[{settings.app}-hub]",
        "type = websocket_client",
        "connection_type = persistent",
        f"uri = {'wss' if is_tls else 'ws'}:{uri.partition(':')[2]}",
        "protocols = ari",
        f"username = {settings.user}",
        f"password = {link.keys['password']}",
        "connection_timeout = 5000",
        "reconnect_interval = 1000",
        *(
            ["tls_enabled = yes", "ca_list_file = /etc/ssl/certs/ca-certificates.crt"]
            if is_tls
            else ["tls_enabled = no"]
        ),
    ]
    note = "Where the PBX connects to. Asterisk 20.15, 21.10, 22.5 or later; load res_websocket_client."
    return Snippet("websocket_client.conf", _text(lines), note)


def _manager(settings: Settings) -> Snippet:
    classes = "call,agent,cdr,dialplan" if settings.recordings_url else "call,agent,cdr"
    port = ["tlsenable = yes", f"tlsbindaddr = 0.0.0.0:{settings.port}"] if settings.is_tls else []
    files = [f"eventfilter = Variable: {MONITOR_FILE}"] if settings.recordings_url else []
    lines = [
        "[general]",
        "enabled = yes",
        "timestampevents = yes",
        *(port or [f"port = {settings.port}"]),
        "",
        f"[{settings.user}]",
        f"secret = {HIDDEN}",
        "; deny = 0.0.0.0/0.0.0.0",
        "; permit = 192.0.2.5/255.255.255.255   (the hub's address)",
        f"read = {classes}",
        "write = reporting,originate,agent",
        "writetimeout = 5000",
        f"eventfilter = Event: ({'|'.join(EVENTS)})[[:space:]]",
        *files,
    ]
    return Snippet("manager.conf", _text(lines), "A user that may listen, dial and pause, and nothing else.")


def _cdr() -> Snippet:
    lines = ["[general]", "enabled = yes", "", "[mappings]", "linkedid => LinkedID"]
    note = "Lengths of calls that went on while the hub was away; without this they stay as it guessed them."
    return Snippet("cdr_manager.conf", _text(lines), note)


def _dialplan(settings: Settings) -> Snippet:
    last = settings.phone_of(settings.fallback) if settings.fallback else "PJSIP/101"
    lines = [
        "[from-trunk]",
        f"exten => _[+0-9].,1,Set(__{settings.plan.did_variable}=${{EXTEN}})",
        f" same => n,GotoIf($[0${{{settings.here_variable}}} < ${{EPOCH}}]?away)",
        f" same => n,Stasis({settings.app},inbound,${{EXTEN}})",
        "; the hub is away, or nobody whom it rang has answered",
        f" same => n(away),Dial({last},30)",
        " same => n,Hangup()",
    ]
    note = "For calls that the hub is to route; it goes where calls from outside arrive."
    return Snippet("extensions.conf", _text(lines), note)


def _dialling(settings: Settings) -> Snippet:
    way_out = settings.trunk.replace("{number}", "${EXTEN}") or "PJSIP/${EXTEN}@trunk"
    lines = [
        f"[{settings.context}]",
        "exten => _[+0-9].,1,GotoIf($[${LEN(${SWITCHHOOK_LINE})} = 0]?out)",
        " same => n,Set(CALLERID(num)=${SWITCHHOOK_LINE})",
        f" same => n(out),Dial({way_out},60)",
        " same => n,Hangup()",
    ]
    note = "Where a click goes on when the employee has picked up; for a PBX that has no such context yet."
    return Snippet("extensions.conf", _text(lines), note)


def _lookup(link: Link, settings: Settings) -> Snippet:
    lines = [
        "[globals]",
        f"HUB={link.public_url or EXAMPLE}/lookup/KEY",
        "",
        "[who-is-calling]",
        "exten => s,1,Set(CURLOPT(conntimeout)=1)",
        " same => n,Set(CURLOPT(httptimeout)=2)",
        " same => n,Set(ASK=number=${URIENCODE(${CALLERID(num)})}&did=${URIENCODE(${ARG1})})",
        " same => n,Set(RING=${CURL(${HUB}/route?${ASK}&format=text)})",
        " same => n,Set(NAME=${CURL(${HUB}/name?${ASK}&max=40)})",
        " same => n,GotoIf($[${LEN(${NAME})} = 0]?done)",
        " same => n,Set(CALLERID(name)=${NAME})",
        " same => n(done),Return()",
    ]
    note = (
        "For a dialplan that asks only who calls: Gosub(who-is-calling,s,1(${EXTEN})), with a key of "
        "`switchhook key add --scope lookup` for KEY."
    )
    return Snippet("extensions.conf", _text(lines), note)


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
