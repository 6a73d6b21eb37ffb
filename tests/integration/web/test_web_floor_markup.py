"""The floor for who cannot see it, or has no mouse: names, headers, words beside every colour, focus."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from bridge.centre.ids import AgentId, CallId, RecordingId
from bridge.centre.record import PauseRecord
from bridge.engine.ports import FloorView, LiveCall, LiveParty, LiveWatch
from tests.integration.web.test_web_supervision import supervised
from tests.integration.web.test_web_talks import ANNA, BORIS, VERA
from tests.integration.web.web_house import House
from tests.integration.web.web_samples import busy_floor

NOW = datetime.now(UTC)
GALYA = AgentId("1004")
_VOID = frozenset({"br", "hr", "img", "input", "link", "meta", "rect", "source"})


@dataclass(eq=False)
class Element:
    tag: str
    attributes: dict[str, str | None]
    parents: "tuple[Element, ...]" = field(repr=False)
    text: str = ""  # what is not hidden from a reader of the screen

    @property
    def name(self) -> str:
        """As it is read out."""
        return self.attributes.get("aria-label") or " ".join(self.text.split())

    @property
    def classes(self) -> frozenset[str]:
        return frozenset((self.attributes.get("class") or "").split())


@dataclass
class Markup(HTMLParser):
    elements: list[Element] = field(default_factory=list, repr=False)
    open: list[Element] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs), tuple(self.open))
        self.elements.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if not any(one.attributes.get("aria-hidden") == "true" for one in self.open):
            for one in self.open:
                one.text += data

    def all(self, *tags: str) -> list[Element]:
        return [one for one in self.elements if one.tag in tags]


def party(agent: AgentId | None, doing: str) -> LiveParty:
    return LiveParty(agent, doing, NOW - timedelta(seconds=40))


def call(
    id: str, *parties: LiveParty, state: str = "talking", watched: tuple[LiveWatch, ...] = ()
) -> LiveCall:
    began = NOW - timedelta(seconds=90)
    return LiveCall(
        CallId(id),
        "+79161234567",
        "",
        "+74950000001",
        state,
        "support",
        ANNA,
        began,
        parties,
        watches=watched,
    )


def all_at_once(house: House, *watches: LiveWatch) -> FloorView:
    """All that can be done in a call; one of them is known from AMI alone."""
    pause = PauseRecord(1, RecordingId("r"), "agent 1002", NOW, NOW)
    held = replace(call("c2", party(BORIS, "hold")), recorded=True, pauses=(pause,))
    calls = (
        call("c1", party(ANNA, "talk"), party(None, "held"), state="consulting", watched=watches),
        held,
        replace(call("c3", party(GALYA, "consult"), party(AgentId("1005"), "consult")), recorded=True),
        call("c4", party(AgentId("1006"), "conference"), party(AgentId("1007"), "conference")),
        replace(call("c5", party(AgentId("1008"), "talk")), steered=False, queue=None),
    )
    return replace(busy_floor(NOW), calls=calls, agents=house.desk.view.agents)


BESIDE = (LiveWatch(VERA, VERA, ANNA, "whisper", True), LiveWatch(BORIS, VERA, ANNA, "listen", True))


@pytest.fixture(params=["en", "ru"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[(), BESIDE], ids=["free", "beside"])
async def markup(house: House, language: str, request: pytest.FixtureRequest) -> Markup:
    supervised(house, VERA)
    house.departments["support"] = [VERA]
    client = await house.supervisor("vera", VERA, language=language)
    house.desk.show(all_at_once(house, *request.param))
    page = Markup()
    page.feed(await (await client.get("/floor")).text())
    assert page.open == []
    return page


def of_the_floor(page: Markup, *tags: str) -> list[Element]:
    inside = [one for one in page.all(*tags) if any(p.attributes.get("id") == "floor" for p in one.parents)]
    assert inside
    return inside


async def test_every_header_says_of_what(markup: Markup) -> None:
    headers = of_the_floor(markup, "th")
    assert all(one.attributes.get("scope") in ("col", "row") for one in headers)
    assert all(one.name for one in headers)


async def test_every_region_and_form_has_a_name(markup: Markup) -> None:
    ids = {one.attributes.get("id"): one for one in markup.elements}
    for section in of_the_floor(markup, "section"):
        assert ids[section.attributes["aria-labelledby"]].name


async def test_no_two_buttons_are_read_out_alike(markup: Markup) -> None:
    """But for those that close a dialog: only one dialog is open."""
    names = Counter(
        one.name for one in markup.all("button") if not any(p.tag == "dialog" for p in one.parents)
    )
    assert "" not in names
    assert [name for name, times in names.items() if times > 1] == []


async def test_what_is_read_out_contains_what_is_seen(markup: Markup) -> None:
    """Who speaks to his machine says what he sees on the button."""
    for one in of_the_floor(markup, "button", "a"):
        seen = " ".join(one.text.split()).rstrip("…")
        assert seen.casefold() in one.name.casefold(), one.name


async def test_a_button_keeps_the_focus_when_the_floor_is_drawn_anew(markup: Markup) -> None:
    """The page finds it again by its id."""
    ids = Counter(one.attributes.get("id") for one in markup.elements)
    for one in of_the_floor(markup, "button", "a", "select"):
        assert one.attributes.get("id"), one.name
        assert ids[one.attributes["id"]] == 1, one.name


async def test_nothing_is_told_by_colour_alone(markup: Markup) -> None:
    coloured = {"chip", "agent-state", "count", "off", "late"}
    told = [one for one in of_the_floor(markup, "span") if one.classes & coloured]
    assert len(told) > 8
    assert all(one.name for one in told)


async def test_every_choice_has_a_label(markup: Markup) -> None:
    for one in markup.all("select", "input"):
        if one.attributes.get("type") != "hidden":
            named = any(parent.tag == "label" and parent.name for parent in one.parents)
            assert named or one.attributes.get("aria-label"), one.attributes


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("listen", {"en": "Listens to: Анна Смирнова", "ru": "Слушает: Анна Смирнова"}),
        ("whisper", {"en": "Whispers to: Анна Смирнова", "ru": "Подсказывает: Анна Смирнова"}),
        ("barge", {"en": "Talks with both: Анна Смирнова", "ru": "Говорит с обоими: Анна Смирнова"}),
    ],
)
async def test_whom_a_supervisor_is_beside_is_told(
    house: House, language: str, how: str, words: dict[str, str]
) -> None:
    supervised(house, VERA)
    client = await house.supervisor("olga", None, language=language)
    house.desk.show(all_at_once(house, LiveWatch(VERA, VERA, ANNA, how, True)))
    page = Markup()
    page.feed(await (await client.get("/floor")).text())
    assert words[language] in [one.name for one in page.all("span") if "agent-state" in one.classes]
