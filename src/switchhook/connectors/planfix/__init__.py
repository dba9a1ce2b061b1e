"""Planfix VoIP API: a PBX that speaks it finds Planfix here, and a Planfix account finds its PBX."""

from switchhook.connectors.planfix import as_crm, as_pbx, deliver
from switchhook.connectors.planfix.edge import sorry
from switchhook.core.connector import Capability, Connector, Field, FieldKind, Key, Role, Side

# A card that opens later than this is worse than none.
LIVE_SECONDS = 30

REGION = Field(
    name="region",
    label="Country of numbers without a country code",
    default="RU",
    help="Two letters, such as RU, KZ or DE. Numbers are told in international form.",
)

# What the protocol carries is the same both ways: the two sides mirror each other.
CAPABILITIES = {
    Capability.CALLER_NAME: "",
    Capability.ROUTING: "one extension: the responsible's",
    Capability.RINGING: "",
    Capability.ANSWERED: "",
    Capability.LOSERS: "",
    Capability.ENDED: "",
    Capability.HISTORY: "by the end of each leg; times are those of the messages",
    Capability.RECORDING: "one link",
    Capability.LATE_RECORDING: "",
    Capability.DIAL: "no call id comes back",
    Capability.REGISTRATION: "by setup, when the integration is switched on",
    Capability.CUSTOM_FIELDS: "data_*, with the end of the call",
    Capability.TRANSFERS: "a leg each, under one call id",
}

PBX = Side(
    role=Role.PBX,
    fields=(
        Field(
            name="pbx_url",
            label="PBX address",
            kind=FieldKind.URL,
            help="Where the PBX takes makeCall and setup. May come later; without it no click to call.",
        ),
        Field(name="pbx_token", label="PBX key", is_secret=True, help="Made by the PBX; any text."),
        Field(
            name="extensions",
            label="Extensions of this PBX",
            help="Separated by commas. With several PBXs it says which of them is to dial.",
        ),
        REGION,
    ),
    keys=(Key(name="planfix_token", label="Planfix key"),),
    capabilities={**CAPABILITIES, Capability.WAITING_TIME: "measured by the hub, from the first ring"},
    urls={"api": as_crm.PATH},
    serve=as_crm.serve,
    dial=as_crm.dial,
    extensions=as_crm.extensions,
    pair=as_crm.pair,
    probe=as_crm.probe,
)

CRM = Side(
    role=Role.CRM,
    fields=(
        Field(
            name="planfix_url",
            label="Planfix address",
            kind=FieldKind.URL,
            help="https://ACCOUNT.planfix.ru/tel/api or .com. Comes by itself when Planfix sends setup.",
        ),
        Field(
            name="planfix_token",
            label="Planfix key",
            is_secret=True,
            help="From the integration's window in Planfix. Comes by itself when Planfix sends setup.",
        ),
        Field(
            name="accept_setup",
            label="Let Planfix set address and key",
            kind=FieldKind.SWITCH,
            default="true",
            help="Switch off once all works: then nobody with the PBX key can point the calls elsewhere.",
        ),
        Field(
            name="send_withheld",
            label="Send calls with a withheld number",
            kind=FieldKind.SWITCH,
            default="false",
            help="Planfix makes a contact of each number that it does not know.",
        ),
        Field(
            name="catch_all_extension",
            label="Catch-all extension",
            help="Stands in where a call reached no employee, as in a voice menu. Empty: not sent.",
        ),
        REGION,
    ),
    keys=(Key(name="token", label="PBX key"),),
    capabilities=CAPABILITIES,
    urls={"pbx": as_pbx.PATH},
    serve=as_pbx.serve,
    hears=deliver.hears,
    deliver=deliver.deliver,
    live_seconds=LIVE_SECONDS,
    who_is=as_pbx.who_is,
    pair=as_pbx.pair,
    probe=as_pbx.probe,
)

CONNECTOR = Connector(
    key="planfix",
    title="Planfix",
    sides={Role.PBX: PBX, Role.CRM: CRM},
    root_paths=(as_crm.PATH,),
    presented_key=as_crm.presented_key,
    sorry=sorry,
)
