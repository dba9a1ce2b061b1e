"""What an administrator enters for an Asterisk."""

from switchhook.connectors.asterisk import settings as read
from switchhook.core.connector import Field, FieldKind

FIELDS = (
    Field(
        name="mode",
        label="How to connect",
        default="ari",
        choices=tuple(mode.value for mode in read.Mode),
        help="ari: the hub connects to the PBX. ari-inbound: the PBX connects to the hub (22.5 and later, "
        "also from behind NAT). ami: the hub connects to the manager interface and listens.",
    ),
    Field(
        name="url",
        label="Address of ARI",
        kind=FieldKind.URL,
        help="For mode ari, such as http://192.0.2.10:8088. With ari-inbound it is used for recordings only.",
    ),
    Field(name="host", label="Host of the manager interface", check=read.check_host, help="For mode ami."),
    Field(name="port", label="Port of the manager interface", kind=FieldKind.NUMBER, default="5038"),
    Field(
        name="tls",
        label="TLS at the manager interface",
        kind=FieldKind.SWITCH,
        default="false",
    ),
    Field(
        name="user",
        label="User",
        default="switchhook",
        check=read.check_user,
        help="Of ari.conf or manager.conf; with ari-inbound the user name by which the PBX comes.",
    ),
    Field(
        name="password",
        label="Password of the user",
        is_secret=True,
        help="For modes ari and ami. With ari-inbound the hub makes one, for recordings this one is used.",
    ),
    Field(
        name="app",
        label="Name of the application",
        default="switchhook",
        check=read.check_app,
        help="What the dialplan's Stasis() names. Each hub at one PBX needs one of its own.",
    ),
    Field(
        name="phones",
        label="Phones",
        check=read.check_phones,
        help="Endpoints of employees, as NAME or NAME=EXTENSION, with * and ? for any characters. "
        "Empty: every endpoint whose name is two to six digits.",
    ),
    Field(
        name="phone",
        label="Dial string of a phone",
        default="PJSIP/{extension}",
        check=read.check_dial_string(read.EXTENSION),
        help="To ring all devices of an employee by the dialplan: Local/{extension}@from-internal.",
    ),
    Field(
        name="trunk",
        label="Dial string to the outside",
        check=read.check_dial_string(read.NUMBER),
        help="Such as PJSIP/{number}@trunk: click to call by the hub itself, over ARI.",
    ),
    Field(
        name="context",
        label="Context that dials to the outside",
        check=read.check_context,
        help="Such as from-internal: click to call by the dialplan. Over AMI the only way.",
    ),
    Field(
        name="caller_id",
        label="Number to show when calling out",
        check=read.check_number,
        help="Of click to call, when the click names no line; empty: the PBX decides.",
    ),
    Field(
        name="ring_seconds",
        label="Seconds that phones ring all at once",
        kind=FieldKind.NUMBER,
        default="25",
        help="Of calls that the hub routes, and of an employee's phone after a click.",
    ),
    Field(
        name="hunt_seconds",
        label="Seconds that each phone rings, one after another",
        kind=FieldKind.NUMBER,
        default="15",
    ),
    Field(
        name="queue_seconds",
        label="Seconds that a caller waits in a queue of the hub",
        kind=FieldKind.NUMBER,
        default="180",
    ),
    Field(
        name="record",
        label="Record calls that the hub connects",
        kind=FieldKind.SWITCH,
        default="true",
    ),
    Field(
        name="ring_talking",
        label="Ring employees who talk already",
        kind=FieldKind.SWITCH,
        default="false",
    ),
    Field(
        name="continue_after_talk",
        label="Go on in the dialplan after the employee hung up",
        kind=FieldKind.SWITCH,
        default="false",
    ),
    Field(
        name="music",
        label="Music in a queue of the hub",
        default="default",
        check=read.check_music,
        help="A class of musiconhold.conf.",
    ),
    Field(
        name="announcement",
        label="Announcement in a queue of the hub",
        check=read.check_media,
        help="Such as sound:queue-thankyou, once at the beginning.",
    ),
    Field(
        name="position",
        label="Tell callers their position in a queue of the hub",
        kind=FieldKind.SWITCH,
        default="false",
        help="Needs the sounds queue-youarenext, queue-thereare and queue-callswaiting on the PBX.",
    ),
    Field(
        name="did_variable",
        label="Variable that holds the number called",
        default="HUB_DID",
        check=read.check_variable,
        help="Of the dialplan, where it keeps the number called; else the first extension is taken for it.",
    ),
    Field(
        name="fallback",
        label="Extension that rings last",
        check=read.check_extension,
        help="When nobody else of a call that the hub routes answers, and when the hub is away.",
    ),
    Field(
        name="recordings_url",
        label="Address of the dialplan's recordings",
        kind=FieldKind.URL,
        help="Where a web server offers the files that MixMonitor writes; empty: they are not fetched.",
    ),
    Field(
        name="recordings_folder",
        label="Folder of these recordings on the PBX",
        default="/var/spool/asterisk/monitor",
        check=read.check_folder,
    ),
    Field(name="recordings_user", label="User of that web server"),
    Field(name="recordings_password", label="Password of that web server", is_secret=True),
    Field(
        name="phone_state",
        label="Show who talks as busy",
        kind=FieldKind.SWITCH,
        default="false",
        help="An employee who is free counts as busy while their phone is in a call, and as free after it.",
    ),
)
