"""What Bitrix24 sends to us: read as what anybody may have sent."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.crm.formats.bitrix24_events import MAX_BODY, CallbackWished, ClickToCall, parse
from bridge.errors import BadInput

TOKEN = b"51610fefc120afg4b628cc82d6298cce"
CALL = {
    "event": "ONEXTERNALCALLSTART",
    "event_handler_id": "1055",
    "data[PHONE_NUMBER]": "8 (916) 123-45-67",
    "data[PHONE_NUMBER_INTERNATIONAL]": "+79161234567",
    "data[EXTENSION]": "12",
    "data[USER_ID]": "1269",
    "data[CALL_LIST_ID]": "0",
    "data[LINE_NUMBER]": "7",
    "data[IS_MOBILE]": "0",
    "data[CALL_ID]": "externalCall.89350264.1773236989",
    "data[CRM_ENTITY_TYPE]": "CONTACT",
    "data[CRM_ENTITY_ID]": "797",
    "ts": "1773236988",
    "auth[access_token]": "s7p6eclrvim9da28dt9ch94ekreb52sv",
    "auth[application_token]": TOKEN.decode(),
}
CALLBACK = {
    "event": "ONEXTERNALCALLBACKSTART",
    "data[PHONE_NUMBER]": "+14151234567",
    "data[TEXT]": "A callback was wished\r\nfrom the site",
    "data[LINE_NUMBER]": "7",
    "data[CRM_ENTITY_TYPE]": "CONTACT",
    "data[CRM_ENTITY_ID]": "5785",
    "auth[application_token]": TOKEN.decode(),
}


def body(fields: dict[str, str], **changes: str | None) -> bytes:
    """With other values of these keys; None leaves one out."""
    new = []
    for name, value in fields.items():
        changed = changes.get(name.split("[")[-1].rstrip("]"), value)
        if changed is not None:
            new.append((name, changed))
    return urlencode(new).encode()


def test_click_to_call() -> None:
    assert parse(body(CALL), TOKEN) == ClickToCall(
        call_id="externalCall.89350264.1773236989",
        user="1269",
        number="+79161234567",
        extension="12",
        line="7",
        entity_type="CONTACT",
        entity="797",
    )
    assert parse(body(CALL, PHONE_NUMBER_INTERNATIONAL=None), TOKEN).number == "8 (916) 123-45-67"


def test_a_callback_that_a_visitor_wishes() -> None:
    assert parse(body(CALLBACK), TOKEN) == CallbackWished(
        number="+14151234567",
        line="7",
        spoken="A callback was wished from the site",
        entity_type="CONTACT",
        entity="5785",
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (body(CALL, application_token="51610fefc120afg4b628cc82d6298ccf"), "application_token"),
        (body(CALL, application_token=""), "application_token"),
        (body(CALL, application_token=None), "application_token"),
        (body(CALL, application_token="я"), "application_token"),
        (body(CALL, event="ONCRMLEADADD"), "event 'ONCRMLEADADD' is not taken here"),
        (body(CALL, PHONE_NUMBER="", PHONE_NUMBER_INTERNATIONAL=""), "data[PHONE_NUMBER] is missing"),
        (body(CALL, CALL_ID=""), "data[CALL_ID] or data[USER_ID] is missing"),
        (body(CALL, USER_ID="anna"), "data[CALL_ID] or data[USER_ID] is missing"),
        (body(CALL, USER_ID="0"), "data[CALL_ID] or data[USER_ID] is missing"),
        (b"a=1&" * 300, "form"),
        (b"\xff\xfe", "form"),
        (b"a" * (MAX_BODY + 1), "at most 16384 are read"),
        (b'{"event":"ONEXTERNALCALLSTART"}', "application_token"),
        (b"", "application_token"),
    ],
    ids=range(14),
)
def test_what_is_no_event_of_this_portal_is_refused(fields: bytes, said: str) -> None:
    with pytest.raises(BadInput) as error:
        parse(fields, TOKEN)
    assert said in str(error.value)
    assert TOKEN.decode() not in str(error.value)


def test_without_a_token_of_ours_nothing_is_taken() -> None:
    with pytest.raises(BadInput, match="application_token"):
        parse(body(CALL, application_token=""), b"")


def test_of_a_key_that_comes_twice_the_first_counts() -> None:
    event = parse(body(CALL) + b"&data[USER_ID]=1&auth[application_token]=x", TOKEN)
    assert isinstance(event, ClickToCall)
    assert event.user == "1269"


@given(st.binary(max_size=300))
def test_any_body_is_refused_in_words(anything: bytes) -> None:
    with pytest.raises(BadInput):
        parse(anything, TOKEN)


@given(st.dictionaries(st.sampled_from(sorted(CALL)), st.text(max_size=80)))
def test_any_values_are_read_or_refused(values: dict[str, str]) -> None:
    try:
        event = parse(body({**CALL, **values}, application_token=TOKEN.decode()), TOKEN)
    except BadInput:
        return
    assert event.number
    assert "\n" not in event.number
