"""retailCRM: a PBX registers and posts its calls to the hub; the hub does the same to a real account."""

import re

from switchhook.connectors.retailcrm import as_crm, as_pbx, zone
from switchhook.connectors.retailcrm.crm import asking as crm_asking
from switchhook.connectors.retailcrm.pbx import asking as pbx_asking
from switchhook.connectors.retailcrm.pbx.delivery import not_before
from switchhook.connectors.retailcrm.pbx.live import hears, merge
from switchhook.connectors.retailcrm.pbx.registration import pair
from switchhook.connectors.retailcrm.wire.answers import sorry
from switchhook.connectors.retailcrm.wire.parameters import presented_key
from switchhook.core.connector import Capability, Connector, Field, FieldKind, Key, Role, Side
from switchhook.core.errors import BadMessage

UPLOAD_BYTES = 256 * 1024
OTHER_BYTES = 64 * 1024

# It is a part of the address at which the module is registered.
CODE = re.compile(r"[A-Za-z0-9_-]{1,255}")


def check_code(text: str) -> None:
    """Raises: BadMessage: no code of a module."""
    if CODE.fullmatch(text) is None:
        raise BadMessage("expected letters, digits, dash and underscore", field="code")


TIME_ZONE = Field(
    name=zone.FIELD,
    label="Time zone of the account",
    default=zone.DEFAULT,
    help="retailCRM's dates have no zone; they mean the one set in the account.",
)

PBX_SIDE = Side(
    role=Role.PBX,
    fields=(TIME_ZONE,),
    keys=(Key(name="api_key", label="API key"),),
    urls={"base": ""},
    serve=as_crm.serve,
    dial=crm_asking.dial,
    extensions=crm_asking.extensions,
    set_presence=crm_asking.set_presence,
    probe=crm_asking.probe,
    capabilities={
        Capability.CALLER_NAME: "in the answer to manager, when the PBX asks for details",
        Capability.ROUTING: "",
        Capability.RINGING: "",
        Capability.LOSERS: "from a hang-up without a status, or from the upload",
        Capability.ENDED: "",
        Capability.HISTORY: "",
        Capability.WAITING_TIME: "",
        Capability.RECORDING: "the link in the upload is fetched by the hub",
        Capability.DIAL: "when the PBX registered makeCallUrl",
        Capability.PRESENCE_FROM_PEER: "",
        Capability.PRESENCE_TO_PEER: "when the PBX registered changeUserStatusUrl",
        Capability.REGISTRATION: "",
        Capability.CUSTOM_FIELDS: "webAnalyticsData and source, as utm fields",
    },
)

CRM_SIDE = Side(
    role=Role.CRM,
    fields=(
        Field(
            name="url",
            label="Address of the account",
            kind=FieldKind.URL,
            is_required=True,
            help="For example https://shop.retailcrm.ru",
        ),
        Field(name="api_key", label="API key", is_secret=True, is_required=True),
        Field(
            name="code",
            label="Code of the module",
            is_required=True,
            help="Letters, digits, dash and underscore; another one for each hub at the same account.",
            check=check_code,
        ),
        Field(name="name", label="Name of the module in the CRM", default="Switchhook"),
        Field(
            name="site", label="Shop code", help="For keys that see several shops; lines may have their own."
        ),
        TIME_ZONE,
        Field(
            name="region",
            label="Country of numbers without a country code",
            default="RU",
            help="Two letters, such as RU or KZ.",
        ),
        Field(
            name="allow_edit",
            label="Extensions may be edited in the CRM",
            kind=FieldKind.SWITCH,
            default="true",
        ),
        Field(
            name="extension_map",
            label="Users and extensions",
            help="User id = extension, separated by commas (17=204, 18=205). Others are matched by e-mail.",
        ),
        Field(
            name="upload",
            label="Upload finished calls",
            default="at once",
            choices=("at once", "periodic"),
        ),
        Field(
            name="upload_every_seconds",
            label="Seconds between periodic uploads",
            kind=FieldKind.NUMBER,
            default="600",
            help="Only for periodic uploads: all that is finished by then goes, fifty calls a request.",
        ),
        Field(
            name="strip_plus",
            label="Numbers without + in uploads and questions",
            kind=FieldKind.SWITCH,
            default="false",
        ),
    ),
    keys=(Key(name="client_id", label="clientId"),),
    urls={
        "make_call": as_pbx.MAKE_CALL,
        "change_user_status": as_pbx.CHANGE_USER_STATUS,
        "account": as_pbx.ACCOUNT,
        "activity": as_pbx.ACTIVITY,
        "logo": as_pbx.LOGO,
    },
    serve=as_pbx.serve,
    hears=hears,
    merge=merge,
    deliver=as_pbx.deliver,
    not_before=not_before,
    live_seconds=60,
    # api-client-go, rate.go: 40 a second for telephony.
    rate_per_second=40,
    # A periodic batch holds 50 deliveries while it gathers; cards have to get past it.
    at_once=100,
    who_is=pbx_asking.who_is,
    set_presence=pbx_asking.set_presence,
    pair=pair,
    pair_every_seconds=600,
    probe=pbx_asking.probe,
    capabilities={
        Capability.CALLER_NAME: "",
        Capability.ROUTING: "",
        Capability.RINGING: "for extensions that the account knows",
        Capability.LOSERS: "",
        Capability.ENDED: "",
        Capability.HISTORY: "",
        Capability.WAITING_TIME: "",
        Capability.RECORDING: "",
        Capability.LATE_RECORDING: "the permanent link is sent beforehand when the PBX says that it records",
        Capability.DIAL: "",
        Capability.PRESENCE_FROM_PEER: "",
        Capability.PRESENCE_TO_PEER: "",
        Capability.REGISTRATION: "",
        Capability.CUSTOM_FIELDS: "utm fields, as webAnalyticsData and source",
    },
)


def max_body_bytes(path: str) -> int:
    """50 calls with long links are larger than anything else here."""
    return UPLOAD_BYTES if path.rstrip("/").endswith("/calls/upload") else OTHER_BYTES


CONNECTOR = Connector(
    key="retailcrm",
    title="retailCRM",
    sides={Role.PBX: PBX_SIDE, Role.CRM: CRM_SIDE},
    root_paths=(
        "/api/v3",
        "/api/v4",
        "/api/v5",
        "/api/api-versions",
        "/api/credentials",
        "/api/system-info",
    ),
    presented_key=presented_key,
    sorry=sorry,
    max_body_bytes=max_body_bytes,
)
