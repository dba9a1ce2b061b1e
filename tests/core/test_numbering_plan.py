"""The short way to read a number says what the library says, or nothing."""

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchhook.core.number import read_number
from switchhook.core.numbering_plan import international_form

# Closed and open plans, trunk prefixes of every kind, zeros that belong to the number, shared codes.
REGIONS = ("RU", "KZ", "DE", "IT", "US", "GB", "BR", "MX", "AR", "CN", "BY", "XX")


@st.composite
def near_numbers(draw: st.DrawFn, region: str) -> str:
    """Digits that are a number of this region, or a slip of the finger away from one."""
    kinds = sorted(phonenumbers.supported_types_for_region(region)) or [phonenumbers.PhoneNumberType.MOBILE]
    example = phonenumbers.example_number_for_type(region, draw(st.sampled_from(kinds)))
    national = list(phonenumbers.national_significant_number(example) if example else "9123456789")
    for _ in range(draw(st.integers(0, 4))):
        national[draw(st.integers(0, len(national) - 1))] = draw(st.sampled_from("0123456789"))
    code = str(phonenumbers.country_code_for_region(region) or 7)
    before, behind = draw(st.sampled_from(["", "0", "8", "1"])), draw(st.sampled_from(["", "", "5", "00"]))
    return draw(st.sampled_from([code, code, ""])) + before + "".join(national) + behind


def by_the_library(digits: str, region: str | None) -> str | None:
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@settings(max_examples=25)
@given(data=st.data())
@pytest.mark.parametrize("region", REGIONS)
def test_what_it_takes_the_library_reads_the_same_with_a_plus_and_without(
    region: str, data: st.DataObject
) -> None:
    digits = data.draw(near_numbers(region) | st.text("0123456789", min_size=7, max_size=20))

    if international_form(region).fullmatch(digits):
        assert by_the_library(digits, region) == f"+{digits}"
        assert by_the_library(f"+{digits}", None) == f"+{digits}"


@settings(max_examples=25)
@given(data=st.data())
@pytest.mark.parametrize("region", REGIONS)
def test_a_number_that_is_valid_at_home_reads_as_the_library_says(region: str, data: st.DataObject) -> None:
    digits = data.draw(near_numbers(region))
    expected = by_the_library(digits, region)

    if expected is not None and len(digits) > 6:
        assert read_number(digits, region).e164 == expected


@pytest.mark.parametrize(
    ("region", "digits"),
    [("RU", "79165550142"), ("RU", "74951234567"), ("UZ", "998901234567"), ("BY", "375291234567")],
)
def test_it_takes_what_machines_send(region: str, digits: str) -> None:
    assert international_form(region).fullmatch(digits)


@pytest.mark.parametrize(
    ("region", "digits"),
    [
        ("RU", "89165550142"),  # dialled at home
        ("RU", "9165550142"),
        ("RU", "81079165550142"),  # dialled to abroad
        ("RU", "77012345678"),  # Kazakhstan's
        ("RU", "4915112345678"),
        ("KZ", "79165550142"),
        ("IT", "390612345678"),  # the zero is part of it
        ("XX", "79165550142"),
    ],
)
def test_it_leaves_the_rest_to_the_library(region: str, digits: str) -> None:
    assert not international_form(region).fullmatch(digits)
