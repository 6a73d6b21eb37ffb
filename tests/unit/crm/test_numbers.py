"""Numbers to E.164: as signalled, as typed, as hostile."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.crm.numbers import is_withheld, pretty, to_e164
from bridge.errors import BadNumber


@pytest.mark.parametrize(
    ("raw", "region", "e164"),
    [
        ("+79161234567", "RU", "+79161234567"),
        ("+7 (916) 123-45-67", "DE", "+79161234567"),
        ("89161234567", "RU", "+79161234567"),
        ("8 916 123 45 67", "RU", "+79161234567"),
        ("9161234567", "RU", "+79161234567"),
        ("79161234567", "RU", "+79161234567"),
        ("0079161234567", "RU", "+79161234567"),
        ("00442071838750", "RU", "+442071838750"),
        ("810442071838750", "RU", "+442071838750"),
        ("442071838750", "RU", "+442071838750"),
        ("020 7183 8750", "GB", "+442071838750"),
        ("030 123456", "DE", "+4930123456"),
        ("0049 30 123456", "DE", "+4930123456"),
        ("011 7 916 123 45 67", "US", "+79161234567"),
        ("(212) 555-0100", "US", "+12125550100"),
        ("06 698 12345", "IT", "+390669812345"),
        ("+7\u00a0916\u2011123\u201345\u221267", "RU", "+79161234567"),
        ("+٧٩١٦١٢٣٤٥٦٧", "RU", "+79161234567"),
        ("＋７９１６１２３４５６７", "RU", "+79161234567"),
        ("sip:+79161234567@pbx.example;user=phone", "RU", "+79161234567"),
        ("sips:89161234567:secret@[2001:db8::1]:5061", "RU", "+79161234567"),
        ("sip:79161234567", "RU", "+79161234567"),
        ("sip:+79161234567;npdi=yes@trunk", "RU", "+79161234567"),
        ("tel:+7-916-123-45-67", "RU", "+79161234567"),
        ("TEL:916-123-4567;phone-context=+7", "GB", "+79161234567"),
        ('"Anna" <sip:+79161234567@10.0.0.1>', "RU", "+79161234567"),
        ("sip:%2B79161234567@h", "RU", "+79161234567"),
        ("+74950000001", "RU", "+74950000001"),
        ("+79161234567", "", "+79161234567"),
        ("+79161234567", "Nowhere", "+79161234567"),
        ("89161234567", "ru", "+79161234567"),
    ],
)
def test_what_is_written_becomes_e164(raw: str, region: str, e164: str) -> None:
    assert to_e164(raw, region) == e164


@pytest.mark.parametrize(
    "raw",
    [
        "1001",
        "*43",
        "#31#+79161234567",
        "112",
        "+",
        "+0",
        "++79161234567",
        "+7916123456789012345",
        "+999123",
        "1-800-FLOWERS",
        "sip:alice@example.com",
        "tel:",
        "9" * 129,
        "+7916" + "1" * 10_000,
        "+79161234567\r\nAction: Originate",
        "+79161234567; DROP TABLE clients",
        "<script>",
        "\0",
        "+7916123456\ud800",
        "²³⁴",
        "anonymous",
        "",
    ],
)
def test_what_is_no_number_is_refused_in_few_words(raw: str) -> None:
    with pytest.raises(BadNumber) as caught:
        to_e164(raw, "RU")
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    "raw",
    [
        None,
        "",
        "  ",
        "anonymous",
        "Anonymous",
        "unknown",
        "<unknown>",
        "restricted",
        "PRIVATE",
        '""',
        "<>",
        "sip:anonymous@anonymous.invalid",
        '"Anonymous" <sip:anonymous@anonymous.invalid>',
    ],
)
def test_withheld(raw: str | None) -> None:
    assert is_withheld(raw)


@pytest.mark.parametrize(
    "raw", ["+79161234567", "1001", "unknown 5", "0", "x" * 10_000, "sip:1001@h", "\ud800"]
)
def test_not_withheld(raw: str) -> None:
    assert not is_withheld(raw)


@given(st.text(max_size=200), st.sampled_from(["RU", "US", "DE", "IT", "", "XX"]))
def test_any_text_gives_a_number_or_bad_number(raw: str, region: str) -> None:
    is_withheld(raw)
    try:
        e164 = to_e164(raw, region)
    except BadNumber:
        return
    assert e164.startswith("+")
    assert 3 <= len(e164) <= 16
    assert to_e164(e164, region) == e164


@given(st.integers(9_000_000_000, 9_999_999_999))
def test_all_ways_to_write_one_number_meet(subscriber: int) -> None:
    number = str(subscriber)
    try:
        first = to_e164(f"+7{number}", "RU")
    except BadNumber:
        return
    assert first == f"+7{number}"
    for way in (f"tel:+7{number}", f"sip:+7{number}@h", f"+7 ({number[:3]}) {number[3:]}"):
        assert to_e164(way, "RU") == first
    if phonenumbers.is_valid_number(phonenumbers.parse(first)):
        for way in (f"8{number}", f"7{number}", f"007{number}", f"8 ({number[:3]}) {number[3:]}"):
            assert to_e164(way, "RU") == first


def test_pretty_is_for_people() -> None:
    assert pretty("+79161234567") == "+7 916 123-45-67"
    assert pretty("garbage") == "garbage"
