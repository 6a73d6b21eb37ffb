"""What the centre gets of the YAML file, and the published schema."""

import json
from datetime import timedelta

import jsonschema
from ruamel.yaml import YAML

from bridge.centre.ids import AgentId, Endpoint, MenuName, QueueName, Skill
from bridge.centre.plan import (
    Member,
    Queue,
    ToAgent,
    ToHangUp,
    ToMenu,
    ToNumber,
    ToQueue,
    ToVoicemail,
)
from bridge.config import Settings, json_schema, plan_of
from bridge.config.schema import as_text
from bridge.crm.ticketing.rights import Rights, Who
from bridge.crm.ticketing.rules import Rules
from tests.unit.config.examples import LAB, ROOT

SCHEMA = ROOT / "docs" / "callbridge.schema.json"


def test_the_lab_serves_what_it_promises(lab: Settings) -> None:
    plan = plan_of(lab)
    message = ToVoicemail(("callbridge/leave-message",))
    assert plan.numbers == {
        "+74950000001": ToMenu(MenuName("main")),
        "+74950000002": ToQueue(QueueName("support")),
        "+74950000003": ToQueue(QueueName("sales")),
        "+74950000004": ToQueue(QueueName("common"), ((Skill("english"), 2),)),
        "+74950000005": ToAgent(AgentId("1001"), QueueName("support"), timedelta(seconds=20)),
        "+74950000006": message,
        "+74950000007": ToNumber(
            "+74951112233",
            Endpoint("PJSIP/+74951112233@lab"),
            timedelta(seconds=15),
            otherwise=ToQueue(QueueName("operator")),
        ),
    }
    assert lab.numbers["+74950000009"].echo, "served by the dialplan alone"
    assert plan.menus[MenuName("main")].options == {
        "1": ToQueue(QueueName("sales")),
        "2": ToQueue(QueueName("support")),
        "0": ToQueue(QueueName("operator")),
    }
    assert list(plan.agents) == [str(number) for number in range(1001, 1011)]
    support, sales = plan.queues[QueueName("support")], plan.queues[QueueName("sales")]
    assert [member.agent for member in support.members] == ["1001", "1002", "1003", "1004", "1005"]
    assert [member.agent for member in sales.members] == ["1004", "1005", "1006", "1007", "1008"]
    assert plan.queues[QueueName("operator")].members[-1] == Member(AgentId("1001"), penalty=10)
    assert (support.ring, support.wrap_up) == (timedelta(seconds=20), timedelta(seconds=5))
    assert support.record
    common = plan.queues[QueueName("common")]
    assert (common.on_timeout, common.breakout) == (message, {"1": message})
    assert plan.priority_of_tier == {"gold": 10, "silver": 5}


def test_the_caller_is_spoken_to_in_his_language(lab: Settings) -> None:
    plan = plan_of(lab)
    assert plan.language_for("+79161234567") == "ru"
    assert plan.language_for("+442071234567") == "en"
    assert plan.language_for(None) == "ru"


def test_a_queue_without_a_department_is_one_of_its_own(small: Settings) -> None:
    """Everywhere alike: for the plan, for its calls' tickets, and for who may do what with them."""
    assert (
        small.department_of("support") == plan_of(small).queues[QueueName("support")].department == "support"
    )
    assert [small.department_of(queue) for queue in (None, "gone", "")] == ["", "", ""]
    assert small.department_names() == Rules(small).names == {"support"}
    assert Rights(small).readable(Who("1001")) is None
    two = Settings.model_validate(
        {
            "company": {"name": "Daisy", "region": "RU"},
            "queues": {"first": {"title": "First", "department": "sales"}, "night": {"title": "Night"}},
            "departments": {"sales": {"title": "Sales"}, "idle": {"title": "Idle"}},
        }
    )
    assert (two.department_of("first"), two.department_of("night")) == ("sales", "night")
    assert two.department_names() == {"sales", "idle", "night"}


def test_defaults_are_the_plans(small: Settings) -> None:
    plan = plan_of(small)
    members = (Member(AgentId("1001")), Member(AgentId("1002")))
    assert plan.queues == {"support": Queue(QueueName("support"), "Support", "support", members)}
    assert plan.menus[MenuName("main")].otherwise == ToHangUp(("callbridge/goodbye",))
    assert plan.agents[AgentId("1001")].endpoint == "PJSIP/1001"
    assert plan.agents[AgentId("1001")].language == "en"
    assert plan.agents[AgentId("1001")].skills == {}
    assert plan.agents[AgentId("1002")].language == "ru"
    assert plan.priority_of_tier == {}
    assert plan.pause_reasons == {
        "1": "break",
        "2": "lunch",
        "3": "training",
        "4": "meeting",
        "5": "paperwork",
    }
    assert set(plan.dispositions.values()) == {"resolved", "follow_up", "wrong_number", "no_answer_needed"}


def test_the_region_of_a_trunk_is_the_companys_unless_it_has_its_own(small: Settings, lab: Settings) -> None:
    assert small.region_of_trunk("lab") == "RU"
    assert small.region_of_trunk("nobody") == "RU"
    assert lab.trunks["lab"].region == "RU"


def test_the_published_schema_is_current() -> None:
    assert SCHEMA.read_text() == as_text(), (
        "run: python -c 'from bridge.config.schema import as_text; print(as_text(), end=\"\")'"
        " > docs/callbridge.schema.json"
    )


def test_the_lab_is_right_by_the_schema_alone() -> None:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    with LAB.open() as file:
        values = YAML(typ="safe").load(file)
    jsonschema.Draft202012Validator(schema).validate(values)


def test_the_schema_refuses_what_check_refuses() -> None:
    validator = jsonschema.Draft202012Validator(json_schema())
    right = {"company": {"name": "Daisy", "region": "RU"}}
    assert validator.is_valid(right)
    for wrong in (
        {},
        {**right, "extra": 1},
        {**right, "agents": {"10 01": {"name": "x"}}},
        {**right, "numbers": {"+7495": {"menu": "main", "queue": "x2"}}},
        {**right, "menus": {"main": {"greeting": "a;b", "options": {"1": {"queue": "x2"}}}}},
        {**right, "queues": {"support": {"title": "x", "strategy": "roundrobin"}}},
        {**right, "numbers": {"+7495": {}}},
        {**right, "numbers": {"+7495": {"agent": "1001"}}},
        {**right, "numbers": {"+7495": {"number": "+7916"}}},
        {**right, "numbers": {"+7495": {"menu": "main", "needs": {"english": 1}}}},
        {**right, "numbers": {"+7495": {"number": "+7916", "trunk": "lab", "otherwise": {}}}},
        {**right, "queues": {"support": {"title": "x", "needs": {"english": 11}}}},
        {**right, "queues": {"support": {"title": "x", "widening": [{"penalty": 1}]}}},
        {**right, "trunks": {"lab": {"send_to": "tel:+7916"}}},
        {**right, "features": {"pause": "*63x"}},
        {**right, "pauses": {"11": "break"}},
    ):
        assert not validator.is_valid(wrong), wrong
    for good in (
        {**right, "numbers": {"+7495": {"agent": "1001", "queue": "support", "aliases": ["8495"]}}},
        {**right, "numbers": {"+7495": {"echo": True}}},
        {**right, "features": {"pause": None, "ready": "*7"}},
    ):
        assert validator.is_valid(good), good
    assert validator.is_valid({**right, "x-anchors": {"any": ["thing"]}})
