"""Who calls whom: direction, numbers and extensions of calls that nobody recorded."""

import pytest

from switchhook.connectors.asterisk.listen.plan import Plan, read_phones
from switchhook.connectors.asterisk.listen.sight import (
    Dialled,
    Glimpse,
    OriginateFailed,
    Seen,
    Sight,
)
from switchhook.core.call import Direction, Disposition

from .channels import (
    CALL,
    CALLER,
    DID,
    at_once,
    born,
    comes_in,
    dials,
    enters,
    glimpse,
    gone,
    seen,
)
from .recordings import outcome, steps, told


def test_a_call_that_is_passed_on_to_a_mobile_phone_is_answered_there() -> None:
    mobile = dials("trunkb", string="79165550142@trunkb")
    played = told(
        [
            *at_once(comes_in(), mobile),
            *at_once(enters("trunkb"), enters("trunk"), seconds=4),
            *at_once(gone("trunkb"), gone("trunk"), seconds=9),
        ]
    )

    assert outcome(played.the_call)["legs"] == [("79165550142", "answered")]
    assert played.the_call.talk_seconds == 5


@pytest.mark.parametrize(
    "sights",
    [
        (born("101", "ring", exten="*43", id=CALL), seen("101", "up", id=CALL), gone("101")),
        (born("101", "ring", exten="79997776655", id=CALL), seen("101", "up", id=CALL)),
    ],
    ids=["an echo test", "an announcement"],
)
def test_a_phone_that_speaks_with_the_pbx_makes_no_call(sights: tuple[Sight, ...]) -> None:
    assert told(at_once(*sights)).news == []


@pytest.mark.parametrize(
    ("dialled", "cause", "direction", "disposition"),
    [
        ("79997776655", 20, Direction.OUTBOUND, Disposition.UNREACHABLE),
        ("79997776655", 16, Direction.OUTBOUND, Disposition.FAILED),
        ("102", 20, Direction.INTERNAL, Disposition.UNREACHABLE),
    ],
)
def test_a_call_that_the_pbx_could_not_begin_is_told(
    dialled: str, cause: int, direction: Direction, disposition: Disposition
) -> None:
    """Without a way out there is no second channel and no dial."""
    begun = born("101", "ring", exten=dialled, id=CALL)
    ended = gone("101", cause)
    ended = type(ended)(channel=begun.channel, cause=cause)

    call = told(at_once(begun, ended)).the_call

    assert (call.direction, call.number) == (direction, dialled)
    assert outcome(call)["legs"] == [("101", disposition.value)]


def test_the_number_that_was_called_is_that_of_the_first_message() -> None:
    """Later ones tell where in the dialplan the caller is by then."""
    played = told(at_once(seen("trunk", "ring", number=CALLER, exten="6"), comes_in(), dials("101")))

    assert played.the_call.did == DID
    assert told(at_once(seen("trunk", "ring", number=CALLER, exten="6"), dials("101"))).the_call.did is None


@pytest.mark.parametrize(
    ("typed", "string", "number"),
    [
        ("79997776655", "79997776655@trunk", "79997776655"),
        ("979997776655", "79997776655@trunk", "79997776655"),
        ("79997776655", "001579997776655@trunk", "79997776655"),
        ("79997776655", "trunk/sip:79997776655@192.0.2.1:5060", "79997776655"),
        ("79997776655", "g1/79997776655", "79997776655"),
        ("79997776655", "", "79997776655"),
        ("", "79997776655@trunk", "79997776655"),
    ],
)
def test_the_number_that_an_employee_called(typed: str, string: str, number: str) -> None:
    """Without the digit for an outside line, and without the operator's prefix."""
    begun = born("101", "ring", exten=typed, number="101", id=CALL)
    trunk = glimpse("trunkb")

    played = told(at_once(begun, Dialled(dest=trunk, caller=begun.channel, dial_string=string)))

    assert (played.the_call.direction, played.the_call.number) == (Direction.OUTBOUND, number)


def test_phones_are_those_that_the_administrator_names() -> None:
    plan = Plan(phones=read_phones("anna=101, sales-*"))
    called: list[Sight] = [comes_in(), dials("anna"), dials("sales-7"), dials("202", string="202")]

    news = told(at_once(*called), plan).news

    assert steps(news) == ["ringing 101", "ringing sales-7", "ringing 202"]
    assert steps(told(at_once(*called)).news) == ["ringing anna", "ringing sales-7", "ringing 202"]


def test_an_order_that_could_not_be_carried_out_is_a_call_that_failed() -> None:
    failed = OriginateFailed(channel_id="ours-1", name="PJSIP/101", number="79997776655")

    played = told(at_once(failed, failed))

    assert set(played.calls) == {"ours-1"}
    assert outcome(played.the_call)["legs"] == [("101", "unreachable")]
    assert (played.the_call.direction, played.the_call.number) == (Direction.OUTBOUND, "79997776655")
    assert len(played.news) == 3


@pytest.mark.parametrize("order", [("101", "99101"), ("99101", "101")])
@pytest.mark.parametrize("dials_last", [False, True], ids=["dial, ring", "ring, dial"])
def test_a_click_that_rings_both_phones_of_an_employee_is_a_call_to_the_client(
    order: tuple[str, str], dials_last: bool
) -> None:
    """Whatever is heard first: whoever has two phones calls nobody by the second one."""
    plan = Plan(phones=read_phones("99101=101 ???"))

    def phone(name: str, state: str = "") -> Glimpse:
        return glimpse(name, state=state, id=CALL if name == "101" else "id-second", number="79997776655")

    begun = [Seen(channel=phone(name), is_birth=True) for name in order]
    dialled = [Dialled(dest=phone(name), caller=None) for name in order]
    ringing = [Seen(channel=phone(name, "ringing")) for name in order]
    sights: list[Sight] = [*begun, *(ringing + dialled if dials_last else dialled + ringing)]

    call = told(at_once(*sights), plan).the_call

    assert (call.direction, call.number) == (Direction.OUTBOUND, "79997776655")
