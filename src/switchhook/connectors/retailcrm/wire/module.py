"""The telephony module as registered: v5 `integrationModule`, v4 flat `configuration`, v3 flat fields."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from msgspec import Struct, field
from msgspec.structs import replace

from switchhook.connectors.retailcrm.wire.answers import NOT_A_CHOICE, WRONG_PREFIX, Missing
from switchhook.connectors.retailcrm.wire.fields import (
    LONGEST_CODE,
    Object,
    as_integer,
    as_list,
    as_object,
    boolean_of,
    label_of,
    phone_of,
    text_of,
    url_of,
)
from switchhook.connectors.retailcrm.wire.json_text import Json, present
from switchhook.core.errors import BadMessage

ACTIONS = frozenset({"activity"})
# A logo whose address names another kind of picture is refused; one that names none is believed.
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".ico", ".tif", ".tiff", ".avif", ".pdf")


class UserCode(Struct, frozen=True, kw_only=True):
    """A CRM user's extension."""

    user_id: int
    code: str


class SitePhone(Struct, frozen=True, kw_only=True):
    """A shop's outside number."""

    site: str
    phone: str


class Module(Struct, frozen=True, kw_only=True):
    """One registered telephony, whichever version of the API it came by."""

    code: str
    integration_code: str
    is_active: bool = True
    is_frozen: bool = False
    name: str | None = None
    logo: str | None = None
    client_id: str | None = None
    base_url: str | None = None
    account_url: str | None = None
    actions: dict[str, str] = field(default_factory=dict)
    countries: tuple[str, ...] = ()
    has_telephony: bool = False
    make_call_url: str | None = None
    change_user_status_url: str | None = None
    allow_edit: bool = False
    has_in_events: bool = False
    has_out_events: bool = False
    has_hangup_events: bool = False
    codes: tuple[UserCode, ...] = ()
    phones: tuple[SitePhone, ...] = ()

    def extension_of(self, user_id: int) -> str | None:
        return next((pair.code for pair in self.codes if pair.user_id == user_id), None)

    def user_of(self, extension: str) -> int | None:
        return next((pair.user_id for pair in self.codes if pair.code == extension), None)


# member of the wire, ours, how to read it: the telephony members, flat in v4 and nested in v5
URLS = {"makeCallUrl": "make_call_url", "changeUserStatusUrl": "change_user_status_url"}
SWITCHES = {
    "allowEdit": "allow_edit",
    "inputEventSupported": "has_in_events",
    "outputEventSupported": "has_out_events",
    "hangupEventSupported": "has_hangup_events",
}


def read_module(given: Object, code: str, old: Module | None) -> Module:
    """Read v5's `integrationModule`, on top of what is stored.

    Arrays given replace the stored ones, members left out leave them (a running integration
    re-sends its map "not to reset it", which is right either way).

    Raises:
        Missing: `clientId` of a new telephony.
        BadMessage: a value that its field cannot have.
    """
    _check_code(given, code)
    prefix = text_of(given, "integrationCode") or (old.integration_code if old else code)
    if not code.startswith(prefix):
        raise BadMessage(WRONG_PREFIX, field="code")
    telephony = _telephony_of(given)
    module = _with_common(old or Module(code=code, integration_code=prefix), given, prefix)
    client_id = text_of(given, "clientId") or text_of(telephony, "clientId") or module.client_id
    if "logo" in given:
        module = replace(module, logo=_svg(url_of(given, "logo")))
    if "actions" in given:
        module = replace(module, actions=_actions(as_object(given["actions"], field="actions")))
    if "availableCountries" in given:
        listed = as_list(given["availableCountries"], field="availableCountries")
        module = replace(module, countries=tuple(str(each)[:2] for each in listed))
    if telephony:
        module = _with_telephony(module, telephony)
    if module.has_telephony and client_id is None:
        raise Missing("clientId", within="integrationModule")
    return replace(module, client_id=client_id)


def read_stored_module(given: Object, code: str) -> Module:
    """Read an account's answer to the read of a module, which need not hold `clientId`.

    Raises:
        BadMessage: a value that its field cannot have.
    """
    telephony = _telephony_of(given)
    module = _with_common(Module(code=code, integration_code=code), given, code)
    if telephony:
        module = _with_telephony(module, telephony)
    return replace(module, is_frozen=boolean_of(given, "freeze"))


def read_flat_module(given: Object, code: str, old: Module | None) -> Module:
    """Read v4's `configuration` or v3's fields: the same members side by side, the logo called `image`.

    Raises:
        Missing, BadMessage: as `read_module`.
    """
    _check_code(given, code)
    module = _with_common(old or Module(code=code, integration_code=code), given, code)
    module = _with_telephony(module, given)
    client_id = text_of(given, "clientId") or module.client_id
    if client_id is None:
        raise Missing("clientId", within="configuration")
    return replace(module, client_id=client_id, logo=url_of(given, "image") or module.logo)


def write_module(module: Module, *, ids_as_text: bool) -> dict[str, Json]:
    """Give v5's `integrationModule`.

    With `ids_as_text` user ids are texts, which every client can read: the Go client's typed
    module fails on numbers. Codes are texts in any case.
    """
    members: dict[str, Json] = {
        "code": module.code,
        "integrationCode": module.integration_code,
        "active": module.is_active,
        "name": module.name,
        "logo": module.logo,
        "clientId": module.client_id,
        "baseUrl": module.base_url,
        "actions": dict(module.actions),
        "accountUrl": module.account_url,
    }
    kept = present(members)
    if module.has_telephony:
        kept["integrations"] = {"telephony": _telephony(module, ids_as_text=ids_as_text)}
    return kept


def write_stored_module(module: Module) -> dict[str, Json]:
    """Give v5's answer to the read: as `write_module`, and what only the CRM says."""
    read_only: dict[str, Json] = {
        "freeze": module.is_frozen,
        "native": False,
        "availableCountries": list(module.countries),
    }
    stored = write_module(module, ids_as_text=True)
    return {**stored, **read_only, "integrations": stored.get("integrations", {})}


def write_configuration(module: Module) -> dict[str, Json]:
    """Give v4's `configuration`, flat."""
    members: dict[str, Json] = {
        "code": module.code,
        "clientId": module.client_id,
        "active": module.is_active,
        "name": module.name,
        "image": module.logo,
        **_telephony(module, ids_as_text=True),
    }
    return present(members)


def missing_info(module: Module, *, user_ids: Sequence[int], sites: Sequence[str]) -> dict[str, Json]:
    """Give the `info` of an edit: ids and shops that the account does not have; empty when all are there."""
    users = [pair.user_id for pair in module.codes if pair.user_id not in user_ids]
    shops = list(dict.fromkeys(pair.site for pair in module.phones if pair.site not in sites))
    found: dict[str, Json] = {}
    if users:
        found["notExistUsersIds"] = list(dict.fromkeys(users))
    if shops:
        found["notExistSiteCodes"] = list(shops)
    return found


def _telephony_of(given: Object) -> Object:
    integrations = as_object(given.get("integrations"), field="integrations")
    return as_object(integrations.get("telephony"), field="telephony")


def _check_code(given: Object, code: str) -> None:
    named = text_of(given, "code")
    if named is not None and named != code:
        raise BadMessage("This value differs from the code in the address", field="code")


def _with_common(module: Module, given: Object, prefix: str) -> Module:
    return replace(
        module,
        integration_code=prefix,
        is_active=boolean_of(given, "active", module.is_active),
        name=label_of(given, "name") or module.name,
        base_url=url_of(given, "baseUrl") if "baseUrl" in given else module.base_url,
        account_url=url_of(given, "accountUrl") if "accountUrl" in given else module.account_url,
    )


def _with_telephony(module: Module, given: Object) -> Module:
    addresses = {ours: url_of(given, name) for name, ours in URLS.items() if name in given}
    switches = {ours: boolean_of(given, name) for name, ours in SWITCHES.items() if name in present(given)}
    module = replace(module, has_telephony=True, **addresses)
    module = replace(module, **switches)
    if given.get("additionalCodes") is not None:
        module = replace(module, codes=read_codes(given["additionalCodes"]))
    if given.get("externalPhones") is not None:
        module = replace(module, phones=_phones(given["externalPhones"]))
    return module


def read_codes(value: Json) -> tuple[UserCode, ...]:
    """Read `additionalCodes`; ids and codes come as numbers or texts. Pairs without a code are left out."""
    pairs = [as_object(each, field="additionalCodes") for each in as_list(value, field="additionalCodes")]
    found = [
        UserCode(user_id=as_integer(pair.get("userId"), field="additionalCodes"), code=code)
        for pair in pairs
        if (code := text_of(pair, "code", longest=LONGEST_CODE)) is not None
    ]
    return tuple(dict.fromkeys(found))


def _phones(value: Json) -> tuple[SitePhone, ...]:
    pairs = [as_object(each, field="externalPhones") for each in as_list(value, field="externalPhones")]
    return tuple(
        SitePhone(site=text_of(pair, "siteCode") or "", phone=phone)
        for pair in pairs
        if (phone := phone_of(pair, "externalPhone")) is not None
    )


def _actions(given: Object) -> dict[str, str]:
    found = {name: text_of(given, name) or "" for name in given}
    if not ACTIONS.issuperset(found):
        raise BadMessage(NOT_A_CHOICE, field="actions")
    return found


def _svg(url: str | None) -> str | None:
    if url is not None and urlsplit(url).path.lower().endswith(PICTURES):
        raise BadMessage("expected the address of an SVG picture", field="logo")
    return url


def _telephony(module: Module, *, ids_as_text: bool) -> dict[str, Json]:
    members: Mapping[str, Json] = {
        "makeCallUrl": module.make_call_url,
        "changeUserStatusUrl": module.change_user_status_url,
        "allowEdit": module.allow_edit,
        "inputEventSupported": module.has_in_events,
        "outputEventSupported": module.has_out_events,
        "hangupEventSupported": module.has_hangup_events,
        "additionalCodes": [
            {"userId": str(pair.user_id) if ids_as_text else pair.user_id, "code": pair.code}
            for pair in module.codes
        ],
        "externalPhones": [{"siteCode": pair.site, "externalPhone": pair.phone} for pair in module.phones],
    }
    return present(members)
