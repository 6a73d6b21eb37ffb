"""How an operator is handed a number that is called by his trunk; the plan has it, and records keep E.164."""

import pytest

from bridge.centre.facts import PlanLoaded
from bridge.centre.ids import Endpoint
from bridge.config import check, load, plan_of
from bridge.config.handed import DialFormat, Handed, dialled
from bridge.engine.logged import body_of
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
    settings = load(write(with_format(form)))
    called = plan_of(settings).outside_number("+7 (495) 111-22-33")
    assert called is not None
    assert (called.number, called.endpoint) == ("+74951112233", "PJSIP/+74951112233@lab")
    assert dialled(called.endpoint, settings.handed()) == f"PJSIP/{handed}@lab"
    written = plan_of(settings).outside_number("8 495 111-22-33")
    assert written is not None
    assert dialled(written.endpoint, settings.handed()) == "PJSIP/84951112233@lab"


def test_the_region_is_the_trunks_own_or_else_the_companys(write: Write) -> None:
    text = with_format("national").replace("dial_format: national", "dial_format: national, region: DE")
    settings = load(write(text))
    outside = plan_of(settings).outside
    assert outside is not None
    assert outside.region == "DE"
    assert dialled(Endpoint("PJSIP/+493023125012@lab"), settings.handed()) == "PJSIP/03023125012@lab"


@pytest.mark.parametrize("endpoint", ["PJSIP/1001", "PJSIP/+493023125012@elsewhere", "Local/1@context"])
def test_what_is_no_number_of_a_trunk_is_dialled_as_it_is(write: Write, endpoint: str) -> None:
    settings = load(write(with_format("national")))
    assert dialled(Endpoint(endpoint), settings.handed()) == endpoint


def test_the_plan_is_data_whatever_the_operator_wants(write: Write) -> None:
    """The journal and the floor's checkpoint keep it."""
    plan = plan_of(load(write(with_format("national"))))
    assert body_of(PlanLoaded(plan))["queues"] == len(plan.queues)


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
