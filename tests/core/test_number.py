"""Numbers: what every peer writes for one caller is one caller, and nothing else is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchhook.core.errors import BadMessage
from switchhook.core.number import (
    dialable,
    extension_of,
    fallback_digits,
    international_digits,
    read_number,
    reversed_digits,
    same_caller,
)

CALLER = "+79165550142"


@pytest.mark.parametrize(
    "raw",
    [
        "+79165550142",
        "79165550142",
        "89165550142",
        "9165550142",
        "(916) 555-01-42",
        "8 (916) 555-01-42",
        "+7 (916) 555-01-42",
        "+7\u00a0916\u00a0555\u201101\u201142",
        "\u202a+79165550142\u202c",
        "0079165550142",
        "81079165550142",
        "+8 916 555 01 42",
        " 79165550142",
        " 89165550142",
        "  +79165550142 ",
        "７９１６５５５０１４２",
        "sip:79165550142@pbx.example.test",
        "sip:+79165550142@pbx.example.test:5060;transport=udp",
        "tel:+7-916-555-0142",
    ],
)
def test_every_way_to_write_a_caller_is_one_caller(raw: str) -> None:
    number = read_number(raw)

    assert (number.raw, number.e164) == (raw, CALLER)
    assert not number.is_extension
    assert not number.is_withheld
    assert same_caller(number, read_number(CALLER))


@pytest.mark.parametrize(
    ("raw", "region", "e164"),
    [
        ("79101234567", "AU", "+79101234567"),
        ("0291234567", "AU", "+61291234567"),
        ("0011 7 910 123 45 67", "AU", "+79101234567"),
        ("61299990011", "RU", "+61299990011"),
        ("375291234567", "RU", "+375291234567"),
        ("12025550123", "RU", "+12025550123"),
        ("89101234567", "US", None),
        ("+89101234567", "US", None),
        ("030 901820", "de", "+4930901820"),
        ("8 800 555-35-35", "RU", "+78005553535"),
        ("+77771234567", "RU", "+77771234567"),
        # Believed because of its plus, though its plan does not know it.
        ("+15550100123", "RU", "+15550100123"),
        ("+9161234567", "RU", "+9161234567"),
        # The same without one, or with a plus that only a blank speaks for, is a number at home.
        ("9161234567", "RU", "+79161234567"),
        (" 9161234567", "RU", "+79161234567"),
        ("1234567", "RU", None),
        ("89165550142, 89265550142", "RU", None),
        ("89165550142/89265550142", "RU", None),
        ("8916555\r\n0142", "RU", None),
        ("*67*89165550142#", "RU", None),
        ("1-800-FLOWERS", "US", None),
        ("SIP/79165550142-0000a1", "RU", None),
        ("79165550142" * 9, "RU", None),
        ("79165550142", "XX", "+79165550142"),
        ("79165550142", "", "+79165550142"),
    ],
)
def test_reads_the_plan_of_the_region_first_and_never_guesses_past_it(
    raw: str, region: str, e164: str | None
) -> None:
    assert read_number(raw, region).e164 == e164


@pytest.mark.parametrize("raw", ["101", "0101", "7", "112", "*98", "#31#", "123456", " 102", "+102", "10-1"])
def test_short_numbers_stay_text(raw: str) -> None:
    number = read_number(raw)

    assert (number.e164, number.is_extension, number.is_withheld) == (None, True, False)


@pytest.mark.parametrize(
    "raw",
    ["", " ", "+", "-", "anonymous", "Anonymous", "ANONYMOUS ", "<unknown>", '"Private"', "Restricted",
     "null", "sip:anonymous@anonymous.invalid", "Номер скрыт", "не определён"],
)  # fmt: skip
def test_withheld_callers_are_nobody_and_never_the_same_nobody(raw: str) -> None:
    number = read_number(raw)

    assert (number.e164, number.digits, number.is_withheld) == (None, "", True)
    assert not same_caller(number, read_number(raw))
    assert fallback_digits(number) is None


@pytest.mark.parametrize(
    ("raw", "extension"),
    [
        ("+7 (910) 123-45-67;ext=5", "5"),
        ("8 910 123 45 67 доб. 12", "12"),
        ("8 910 123 45 67 доб12", "12"),
        ("+79101234567 ext 104", "104"),
        ("+79101234567x104", "104"),
        ("79101234567,,104#", "104"),
        ("79101234567#104", "104"),
        ("79101234567", None),
    ],
)
def test_an_extension_behind_a_number_is_kept_apart(raw: str, extension: str | None) -> None:
    number = read_number(raw)

    assert (number.e164, number.extension) == ("+79101234567", extension)
    assert number.digits[-10:] == "9101234567"


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("+74951234567", "+493051234567"),  # the same last eight digits: Moscow and Berlin
        ("+79165550142", "+375165550142"),
        ("101", "102"),
        ("101", "74951230101"),
        ("+74951234567;ext=1", "+74951234567;ext=2"),
        ("Romashka", "Romashka"),
    ],
)
def test_different_callers_are_not_the_same(a: str, b: str) -> None:
    assert not same_caller(read_number(a), read_number(b))


def test_a_number_behind_a_switchboard_is_still_that_number() -> None:
    assert same_caller(read_number("+74951234567;ext=1"), read_number("84951234567"))


def test_unreadable_numbers_are_the_same_by_their_digits() -> None:
    assert same_caller(read_number("123-45-67"), read_number("1234567"))


@pytest.mark.parametrize(
    ("raw", "digits"),
    [
        ("8 (916) 555-01-42", "79165550142"),
        ("+44 20 7946 0018", "442079460018"),
        ("101", "101"),
        ("anonymous", ""),
    ],
)
def test_international_digits_have_no_plus(raw: str, digits: str) -> None:
    assert international_digits(read_number(raw)) == digits


@pytest.mark.parametrize(
    ("raw", "digits"),
    [("89165550142", "9165550142"), ("+493051234567", "3051234567"), ("1234567", None), ("101", None)],
)
def test_the_last_resort_has_ten_digits_or_none(raw: str, digits: str | None) -> None:
    assert fallback_digits(read_number(raw)) == digits


def test_reversed_digits_leave_the_extension_out() -> None:
    assert reversed_digits("8 (916) 555-01-42 доб. 7") == "24105556198"


@given(st.text())
def test_reads_any_text(raw: str) -> None:
    number = read_number(raw)

    assert number.raw == raw
    assert [number.e164 is not None, number.is_extension, number.is_withheld].count(True) <= 1
    assert re.fullmatch("[0-9]*", number.digits)


@given(st.integers(min_value=9_000_000_000, max_value=9_999_999_999))
def test_an_e164_number_reads_as_itself(digits: int) -> None:
    number = read_number(f"8{digits}")

    if number.e164:
        assert read_number(number.e164).e164 == number.e164
        assert number.e164 == f"+7{digits}"


@pytest.mark.parametrize(
    ("text", "dialled"),
    [
        ("+7 (916) 555-01-42", "+79165550142"),
        ("8\u00a0916\u00a0555\u201301\u201342", "89165550142"),
        ("101", "101"),
        ("*98#", "*98#"),
        ("0", "0"),
        ("1" * 32, "1" * 32),
    ],
)
def test_dials_what_people_type(text: str, dialled: str) -> None:
    assert dialable(text) == dialled
    assert extension_of(text) == dialled


@pytest.mark.parametrize(
    "text",
    ["", " ", "+", "1" * 33, "101\r\nAction: Originate", "101\n", "\n101", "101\0", "101\t", "101,,1",
     "101;1", "101&SIP/102", "sip:101@x", "7++1", "1+7", "${EXTEN}", "١٠١", "１０１", "anonymous",
     "\u202e101"],
)  # fmt: skip
def test_refuses_what_a_dialplan_must_not_see(text: str) -> None:
    with pytest.raises(BadMessage) as caught:
        dialable(text, field="to")

    assert caught.value.field == "to"
    assert "\n" not in caught.value.reason


@given(st.one_of(st.text(), st.text(alphabet="+0123456789*# -()\r\n\0,;", max_size=40)))
def test_any_text_is_refused_or_matches_the_grammar(text: str) -> None:
    try:
        dialled = dialable(text)
    except BadMessage:
        return

    assert re.fullmatch(r"\+?[0-9*#]{1,32}", dialled)
    assert [c for c in text if c in "+0123456789*#"] == list(dialled)
    assert not set(text) & set("\r\n\0,;")
