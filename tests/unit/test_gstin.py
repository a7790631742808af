"""GSTINs, other identifiers, states and contacts (domain §1, §2, design §3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hundi.kit.contacts import is_email, is_phone, split_emails
from hundi.kit.gstin import (
    NotAGstin,
    TaxIdKind,
    check_character,
    gstin_with_check,
    is_ifsc,
    is_pan,
    is_pin_code,
    is_tan,
    is_udyam,
    read_gstin,
)
from hundi.kit.states import STATES, find_state, local_tax_label

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ALPHABET = "0123456789" + LETTERS
bodies = st.from_regex(
    r"(?:0[1-9]|[12][0-9]|3[0-8]|97|99)[A-Z]{3}[ABCFGHJLPT][A-Z][0-9]{4}[A-Z][1-9A-Z]Z", fullmatch=True
)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("27AAPFU0939F1ZV", TaxIdKind.REGULAR), ("29AAGCB7383J1Z4", TaxIdKind.REGULAR),
        ("0717UNO00157UNO", TaxIdKind.UIN),
        ("9917SGP29001OST", TaxIdKind.OIDAR),
    ],
)  # fmt: skip
def test_published_sample_numbers_pass(number: str, kind: TaxIdKind) -> None:
    assert read_gstin(f" {number.lower()} ").kind is kind


@pytest.mark.parametrize(
    ("first14", "kind"),
    [
        ("33AAACD1234E1Z", TaxIdKind.REGULAR), ("33AAACD1234E1D", TaxIdKind.TDS), ("33CHED01234E1D", TaxIdKind.TDS),
        ("33AAACD1234E1C", TaxIdKind.TCS), ("3317ABC12345NR", TaxIdKind.NON_RESIDENT),
        ("9917ABC12345OS", TaxIdKind.OIDAR),
        ("3317ABC12345ON", TaxIdKind.UIN), ("38AAACD1234E1Z", TaxIdKind.REGULAR), ("97AAACD1234E1Z", TaxIdKind.REGULAR),
        ("99AAACD1234E1Z", TaxIdKind.REGULAR),
    ],
)  # fmt: skip
def test_kinds(first14: str, kind: TaxIdKind) -> None:
    read = read_gstin(gstin_with_check(first14))
    assert (read.kind, read.state_code) == (kind, first14[:2])
    assert (read.pan == first14[2:12]) is (kind in {TaxIdKind.REGULAR, TaxIdKind.TCS})


@given(bodies, st.integers(0, 13), st.sampled_from(ALPHABET))
def test_one_mistyped_character_is_always_found(body: str, at: int, typed: str) -> None:
    number = gstin_with_check(body)
    assert read_gstin(number).number == number
    wrong = number[:at] + typed + number[at + 1 :]
    if wrong != number:
        with pytest.raises(NotAGstin):
            read_gstin(wrong)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "GSTIN_FORMAT"), ("27AAPFU0939F1Z", "GSTIN_FORMAT"), ("27AAPFU0939F1ZW", "GSTIN_CHECK_DIGIT"),
        (gstin_with_check("39AAPFU0939F1Z"), "GSTIN_STATE"), (gstin_with_check("96AAPFU0939F1Z"), "GSTIN_STATE"),
        (gstin_with_check("00AAPFU0939F1Z"), "GSTIN_STATE"), ("२7AAPFU0939F1ZV", "GSTIN_FORMAT"),
    ],
)  # fmt: skip
def test_refused_numbers_say_why(text: str, code: str) -> None:
    with pytest.raises(NotAGstin) as caught:
        read_gstin(text)
    assert caught.value.code == code
    assert str(caught.value)


def test_check_character_wants_fourteen() -> None:
    with pytest.raises(ValueError, match="14 characters"):
        check_character("27aapfu0939f1z")


def test_shapes() -> None:
    assert is_pan("aaacd1234e")
    assert not is_pan("AAAXD1234E")
    assert is_tan("CHED01234E")
    assert not is_tan("CHE001234E")
    assert is_ifsc("hdfc0001234")
    assert not is_ifsc("HDFC1001234")
    assert is_pin_code("600001")
    assert not is_pin_code("060001")
    assert is_udyam("UDYAM-TN-02-0012345")
    assert not is_udyam("UDYAM-TN-2-0012345")


def test_states_are_complete() -> None:
    assert set(STATES) == {f"{code:02d}" for code in range(1, 39)} | {"96", "97", "99"}
    assert {code for code, state in STATES.items() if state.charges_utgst} == {"04", "26", "31", "35", "38"}
    assert local_tax_label("04") == "UTGST"
    assert local_tax_label("33") == "SGST"
    assert len({state.short for state in STATES.values()}) == len(STATES)


@pytest.mark.parametrize("code", sorted(STATES))
def test_a_state_is_found_however_it_is_written(code: str) -> None:
    state = STATES[code]
    for text in (
        code,
        state.name,
        state.name.upper(),
        state.short.lower(),
        f"{code}-{state.name}",
        f"{code} - {state.name}",
    ):
        assert find_state(text) is state
    assert find_state(state.name.replace(" and ", " & ")) is state


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("7", "07"),
        ("Orissa", "21"),
        ("Pondicherry", "34"),
        ("New Delhi", "07"),
        ("J&K", "01"),
        ("TG", "36"),
        (" TN ", "33"),
    ],
)
def test_other_spellings(text: str, code: str) -> None:
    assert find_state(text) is STATES[code]


@pytest.mark.parametrize("text", ["", "XX", "0", "39", "Bengal", "3333"])
def test_unknown_states(text: str) -> None:
    assert find_state(text) is None


@pytest.mark.parametrize("text", ["a@example.com", "first.last+tag@sub.example.co.in", "o'neil@example.com"])
def test_mail_addresses(text: str) -> None:
    assert is_email(text)


@pytest.mark.parametrize(
    "text",
    ["", "a", "a@b", "@example.com", "a@example.com\n", "a\r\nBcc: x@example.com", "a b@example.com", "a@-x.com",
     "a..b@example.com", '"a"@example.com', "a@example.com,b@example.com", "a" * 65 + "@example.com", "अ@example.com"],
)  # fmt: skip
def test_what_is_no_mail_address(text: str) -> None:
    assert not is_email(text)


def test_lists_of_addresses() -> None:
    assert split_emails("a@x.in; b@x.in, a@x.in  c@x.in") == ["a@x.in", "b@x.in", "c@x.in"]


def test_telephones() -> None:
    assert is_phone("9876543210")
    assert is_phone("+91 9876543210")
    assert not is_phone("98765")
    assert not is_phone("9876543210\n")
