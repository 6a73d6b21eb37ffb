"""Who is calling: known, several, unknown, withheld; and a store that fails is not "unknown"."""

import pytest

from bridge.centre.facts import ClientIdentified, ClientRef, Verdict
from bridge.centre.ids import AgentId, CallId, ClientId
from bridge.centre.orders import LookUpClient
from bridge.crm.directory import ClientDirectory
from bridge.errors import LinkDown
from bridge.store import Store
from bridge.store.rows import NumberRow

CALL = CallId("1.1")


@pytest.fixture
async def directory(store: Store) -> ClientDirectory:
    async with store.unit() as unit:
        await unit.clients.add("Anna", numbers=[NumberRow("+79161234567", "8916")])
        for name in ("Boris", "Clara"):
            await unit.clients.add(name, numbers=[NumberRow("+442071838750", "020")])
    return ClientDirectory(store, lambda trunk: {"moscow": "RU", "london": "GB"}[trunk])


@pytest.mark.parametrize(
    ("number", "trunk", "verdict", "e164", "names"),
    [
        ("+79161234567", "london", Verdict.KNOWN, "+79161234567", ["Anna"]),
        ("89161234567", "moscow", Verdict.KNOWN, "+79161234567", ["Anna"]),
        ("02071838750", "london", Verdict.SEVERAL, "+442071838750", ["Boris", "Clara"]),
        ("+79161234568", "moscow", Verdict.UNKNOWN, "+79161234568", []),
        ("1001", "moscow", Verdict.UNKNOWN, None, []),
        ("112", "moscow", Verdict.UNKNOWN, None, []),
        ("999", "london", Verdict.UNKNOWN, None, []),
        ("116123", "london", Verdict.UNKNOWN, None, []),
        ("8 (916) 123-45-67 доб. 12", "moscow", Verdict.KNOWN, "+79161234567", ["Anna"]),
        ("sip:anonymous@anonymous.invalid", "moscow", Verdict.WITHHELD, None, []),
        ("'; DROP TABLE clients", "moscow", Verdict.UNKNOWN, None, []),
        (None, "moscow", Verdict.WITHHELD, None, []),
        ("anonymous", "moscow", Verdict.WITHHELD, None, []),
        ("<unknown>", "moscow", Verdict.WITHHELD, None, []),
    ],
)
async def test_verdicts(
    directory: ClientDirectory,
    number: str | None,
    trunk: str,
    verdict: Verdict,
    e164: str | None,
    names: list[str],
) -> None:
    found = await directory.look_up(LookUpClient(CALL, number, trunk))
    assert isinstance(found, ClientIdentified)
    assert (found.call, found.verdict, found.e164) == (CALL, verdict, e164)
    assert [client.name for client in found.clients] == names


async def test_the_clients_tier_and_who_talked_with_the_number_last(
    directory: ClientDirectory,
    store: Store,
    make_ended,  # type: ignore[no-untyped-def]
) -> None:
    talked = make_ended("1.0")
    async with store.unit() as unit:
        (anna,) = await unit.clients.by_e164("+79161234567")
        await unit.clients.update(anna.id, tier="gold")
        await unit.calls.save(talked)
        await unit.calls.save(make_ended("1.2", e164="+442071838750", agent=AgentId("1002")))
    found = await directory.look_up(LookUpClient(CALL, "+79161234567", "moscow"))
    assert found.clients == (ClientRef(ClientId(anna.id), "Anna", "gold"),)
    assert (found.last_agent, found.last_at) == ("1001", talked.ended_at)
    several = await directory.look_up(LookUpClient(CALL, "02071838750", "london"))
    assert [client.tier for client in several.clients] == ["", ""]
    assert several.last_agent == "1002"
    unknown = await directory.look_up(LookUpClient(CALL, "+79161234568", "moscow"))
    assert (unknown.last_agent, unknown.last_at) == (None, None)


async def test_an_unknown_number_may_have_talked_with_somebody(
    directory: ClientDirectory,
    store: Store,
    make_ended,  # type: ignore[no-untyped-def]
) -> None:
    async with store.unit() as unit:
        await unit.calls.save(make_ended("1.0", e164="+79161234568"))
    found = await directory.look_up(LookUpClient(CALL, "+79161234568", "moscow"))
    assert (found.verdict, found.last_agent) == (Verdict.UNKNOWN, "1001")


async def test_a_store_that_fails_says_so(
    directory: ClientDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(*_: object) -> None:
        raise LinkDown("the database does not answer")

    monkeypatch.setattr(Store, "read", down)
    with pytest.raises(LinkDown, match="database"):
        await directory.look_up(LookUpClient(CALL, "+79161234567", "moscow"))
