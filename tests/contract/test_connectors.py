"""Promises every connector keeps. Drop a folder into switchhook/connectors and it is held to them."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchhook.connectors import discover
from switchhook.core.call import Change, ChangeKind
from switchhook.core.connector import Capability, Connector, Role, Side
from switchhook.core.edge import Request
from switchhook.core.errors import BadMessage, NotFound, Refused, StoreDown, TooLarge, TooMany
from tests.core.story import START

CONNECTORS = discover()
SIDES = [
    pytest.param(side, id=f"{key}-{role}")
    for key, connector in CONNECTORS.items()
    for role, side in connector.sides.items()
]
every_connector = pytest.mark.parametrize("connector", CONNECTORS.values(), ids=list(CONNECTORS))
every_side = pytest.mark.parametrize("side", SIDES)

CONTENT_TYPES = (
    "",
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/xml",
)

# What a side can do, and the functions of which one does it.
DONE_BY = {
    (Role.CRM, Capability.CALLER_NAME): ("who_is",),
    (Role.PBX, Capability.DIAL): ("dial",),
    (Role.PBX, Capability.PRESENCE_TO_PEER): ("set_presence",),
    (Role.CRM, Capability.PRESENCE_TO_PEER): ("set_presence",),
    (Role.CRM, Capability.ENDED): ("deliver",),
    (Role.CRM, Capability.HISTORY): ("deliver",),
    (Role.PBX, Capability.ENDED): ("serve", "run"),
    (Role.CRM, Capability.DIAL): ("serve",),
}


def test_there_are_connectors() -> None:
    assert set(CONNECTORS) >= {"planfix", "retailcrm"}


@every_connector
def test_the_folder_is_the_name(connector: Connector) -> None:
    assert CONNECTORS[connector.key] is connector
    assert all(side.role is role for role, side in connector.sides.items())


@every_side
def test_names_of_settings_and_keys_are_the_vendors_in_snake_case_and_once(side: Side) -> None:
    fields = [field.name for field in side.fields]
    names = [*fields, *(key.name for key in side.keys)]

    assert sorted(set(fields)) == sorted(fields)
    assert all(name.isidentifier() and name == name.lower() for name in names)


@every_side
def test_a_default_is_among_the_choices(side: Side) -> None:
    assert all(field.default in field.choices for field in side.fields if field.choices)


@every_side
def test_what_a_side_claims_it_can_do(side: Side) -> None:
    owner = next(one for one in CONNECTORS.values() if side in one.sides.values())
    # What a vendor's clients ask with a key of the account, its API answers.
    can = {"serve"} if owner.api is not None else set()

    claimed = {
        capability: functions
        for (role, capability), functions in DONE_BY.items()
        if role is side.role and capability in side.capabilities
    }

    for capability, functions in claimed.items():
        assert can & set(functions) or any(getattr(side, one) is not None for one in functions), capability


@every_side
def test_a_side_without_words_for_status_does_not_take_it(side: Side) -> None:
    assert (side.set_presence is not None) == (Capability.PRESENCE_TO_PEER in side.capabilities)


@every_side
def test_a_crm_hears_of_every_end_once_and_of_nothing_that_only_concerns_us(side: Side) -> None:
    if side.deliver is None:
        return
    heard = Change(kind=ChangeKind.RECORDING_HEARD, at=START)

    assert not side.hears(heard)
    assert any(
        side.hears(Change(kind=kind, at=START, extensions=("101",), was_said=True))
        for kind in (ChangeKind.LEG_ENDED, ChangeKind.CALL_FINAL)
    )


@every_connector
@pytest.mark.parametrize(
    ("error", "statuses"),
    [
        (Refused("wrong"), (401, 403)),
        (BadMessage("wrong", field="x"), (400,)),
        (TooLarge("big"), (400, 413)),
        (NotFound("none"), (400, 404)),
        (TooMany("slower"), (400, 429, 503)),
        (StoreDown("the disk is full"), (500, 503)),
        (ValueError("secret-canary"), (500,)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_every_error_has_the_vendors_words(
    connector: Connector, error: Exception, statuses: tuple[int, ...]
) -> None:
    reply = connector.sorry(error)

    assert reply.status in statuses
    assert reply.content_type == "application/json"
    assert b"secret-canary" not in reply.body
    assert msgspec.json.decode(reply.body) is not None


@every_connector
@given(
    path=st.text(max_size=40).map(lambda text: "/" + text),
    body=st.binary(max_size=300),
    content_type=st.sampled_from(
        [
            "",
            "application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "text/xml",
        ]
    ),
)
def test_looking_for_the_key_never_fails(
    connector: Connector, path: str, body: bytes, content_type: str
) -> None:
    request = Request(method="POST", path=path, body=body, headers={"content-type": content_type})

    key = connector.presented_key(request)

    assert key is None or isinstance(key, str)
