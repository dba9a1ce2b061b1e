"""Texts that strangers wrote."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchhook.core.errors import BadMessage
from switchhook.core.text import clean_name, has_control, mask, refuse_control


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Romashka LLC", "Romashka LLC"),
        ("  ООО «Ромашка»\r\n\tМосква ", "ООО «Ромашка» Москва"),
        ("Jos\u0065\u0301", "José"),
        ("invoice\u202egpj.exe", "invoicegpj.exe"),
        ("A\u200bn\u200dn\ufeffa", "Anna"),
        ("\u2066Anna\u2069", "Anna"),
        ("\u3164\u2800", ""),
        ("a\x00b\x1b[31mc\x7f\x85d", "ab[31mc d"),
        ("a\u2028b", "a b"),
        ("Z\u0334\u0335\u0336\u0337\u0338", "Z\u0334\u0335\u0336"),
        ("<b>&\"'", "<b>&\"'"),
        ("", ""),
    ],
)
def test_names_become_one_line_of_visible_text(text: str, shown: str) -> None:
    assert clean_name(text) == shown


def test_long_names_are_cut_with_a_sign() -> None:
    assert clean_name("x" * 101, longest=100) == "x" * 99 + "…"
    assert clean_name("x" * 100, longest=100) == "x" * 100
    assert len(clean_name("x" * 10_000_000)) == 100


@given(st.text())
def test_any_name_is_safe_to_show_and_cleaning_it_again_changes_nothing(text: str) -> None:
    shown = clean_name(text)

    assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for c in shown)
    assert len(shown) <= 100
    assert clean_name(shown) == shown


@pytest.mark.parametrize("text", ["a\rb", "a\nb", "a\0", "\t", "\x7f", "\x85", "\u2028"])
def test_control_characters_are_refused_and_never_repeated(text: str) -> None:
    with pytest.raises(BadMessage) as caught:
        refuse_control(text, field="callid")

    assert has_control(text)
    assert (caught.value.field, has_control(caught.value.reason)) == ("callid", False)


def test_texts_without_control_characters_are_kept_as_they_are() -> None:
    assert refuse_control(" 1795235439.12994 ", field="callid") == " 1795235439.12994 "


@pytest.mark.parametrize(
    ("secret", "shown"),
    [("5d0c8c2f7b1e4a6f9a3b2c1d0e9f8a7b", "5d0c…"), ("pbx-8f21", "…"), ("", "…"), ("a b\nc" * 9, "…")],
)
def test_masked_secrets_tell_no_more_than_which_one(secret: str, shown: str) -> None:
    assert mask(secret) == shown
