"""How an operator is handed a number that is called by his trunk; the plan has it, and records keep E.164."""

import pytest

from bridge.centre.ids import Endpoint
from bridge.centre.plan import ToNumber
from bridge.config import check, load, plan_of
from bridge.config.handed import DialFormat, Handed
from tests.unit.config.examples import SMALL
from tests.unit.config.rendering_of import Write
from tests.unit.config.test_config_targets import SENDING

OUT = 'transfers: {trunk: lab, prefixes: ["+", "8495"]}\n'


@pytest.mark.parametrize(
    ("form", "region", "number", "handed"),
    [
        ("e164", "RU", "+79161234567", "+79161234567"),
        ("international_00", "RU", "+79161234567", "0079161234567"),
        ("digits", "RU", "+79161234567", "79161234567"),
        ("national", "RU", "+79161234567", "89161234567"),
        ("national", "RU", "+78001234567", "88001234567"),
        ("national", "RU", "+493023125012", "810493023125012"),
        ("national", "RU", "+77011234567", "81077011234567"),  # Kazakhstan has the code 7 too
        ("national", "KZ", "+77011234567", "87011234567"),
        ("national", "KZ", "+79161234567", "81079161234567"),
        ("national", "DE", "+493023125012", "03023125012"),
        ("national", "DE", "+79161234567", "0079161234567"),
        ("national", "GB", "+442079460018", "02079460018"),
        ("national", "GB", "+441534123456", "01534123456"),  # Jersey is within the plan
        ("national", "IT", "+390669812345", "0669812345"),
        ("national", "ES", "+34911234567", "911234567"),
        ("national", "BY", "+375291234567", "80291234567"),
        ("national", "AR", "+5491123456789", "0111523456789"),
        ("national", "US", "+12125550100", "12125550100"),
        ("national", "US", "+442079460018", "011442079460018"),
        ("national", "AU", "+442079460018", "0011442079460018"),
        ("national", "JP", "+442079460018", "010442079460018"),
        ("national", "BR", "+442079460018", "+442079460018"),  # abroad one chooses a carrier there
        ("national", "RU", "+999123", "+999123"),  # no country has it
        ("national", "RU", "84951112233", "84951112233"),  # as the engineer wrote it
        ("digits", "RU", "112", "112"),
        ("international_00", "RU", "0049301234", "0049301234"),
    ],
)
def test_how_a_number_is_handed_to_the_operator(
    form: DialFormat, region: str, number: str, handed: str
) -> None:
    assert Handed(form, region)(number) == handed


def with_format(form: str) -> str:
    return SENDING.replace("send_to: ", f"dial_format: {form}, send_to: ") + OUT


@pytest.mark.parametrize(
    ("form", "handed"),
    [
        ("e164", "+74951112233"),
        ("international_00", "0074951112233"),
        ("digits", "74951112233"),
        ("national", "84951112233"),
    ],
)
def test_what_an_agent_calls_is_kept_in_one_form_and_sent_in_the_operators(
    write: Write, form: str, handed: str
) -> None:
    plan = plan_of(load(write(with_format(form))))
    called = plan.outside_number("+7 (495) 111-22-33")
    assert called is not None
    assert (called.number, called.endpoint) == ("+74951112233", f"PJSIP/{handed}@lab")
    written = plan.outside_number("8 495 111-22-33")
    assert written is not None
    assert written.endpoint == "PJSIP/84951112233@lab"


def test_so_is_a_number_that_a_call_is_sent_to(write: Write) -> None:
    sent = "{number: +74951112233, trunk: lab, otherwise: {number: +493023125012, trunk: lab}}"
    text = with_format("national").replace("{menu: main}", sent)
    to = next(iter(plan_of(load(write(text))).numbers.values()))
    assert isinstance(to, ToNumber)
    assert (to.number, to.endpoint) == ("+74951112233", Endpoint("PJSIP/84951112233@lab"))
    assert isinstance(to.otherwise, ToNumber)
    assert to.otherwise.endpoint == "PJSIP/810493023125012@lab"


def test_the_region_is_the_trunks_own_or_else_the_companys(write: Write) -> None:
    text = with_format("national").replace("dial_format: national", "dial_format: national, region: DE")
    plan = plan_of(load(write(text)))
    assert plan.outside is not None
    assert plan.outside.region == "DE"
    called = plan.outside_number("+493023125012")
    assert called is not None
    assert called.endpoint == "PJSIP/03023125012@lab"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("24]}", "24], dial_format: digits}", "give send_to: as well"),
        ("24]}", '24], send_to: "sip:203.0.113.9", dial_format: plus}', "dial_format"),
    ],
)
def test_what_the_file_may_not_say(write: Write, old: str, new: str, words: str) -> None:
    (fault,) = check(write(SMALL.replace(old, new)), {})
    assert words in f"{fault.path} {fault.message}"
