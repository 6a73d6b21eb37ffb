"""What the directory says of the callers whom the tests use."""

from datetime import datetime

from bridge.centre import facts as f
from bridge.centre.ids import AgentId, CallId, ClientId
from tests.fakes.clock import START


def known(
    call: CallId,
    tier: str = "",
    agent: AgentId | None = None,
    at: datetime = START,
    verdict: f.Verdict = f.Verdict.KNOWN,
) -> f.ClientIdentified:
    client = f.ClientRef(ClientId(1), "Client", tier)
    return f.ClientIdentified(call, verdict, "+15550100", (client,), agent, at if agent else None)


ABROAD = "+79168880000"  # known to an external directory, and not to the other one, which never answers


def told_of(call: CallId, number: str | None) -> list[f.Fact]:
    """All that is told of him, as it comes: the own base's word, then that of external directories."""
    if number != ABROAD:
        return [identify(call, number)]
    found = (f.ClientRef(ClientId(11), "Zoë", "gold"),)
    return [
        f.ClientIdentified(call, f.Verdict.UNKNOWN, number, more=True),
        f.DirectoryAnswered(call, number, "CRM", found),
        f.DirectoryAnswered(call, number, "Old CRM", answered=False, last=True),
    ]


def identify(call: CallId, number: str | None) -> f.ClientIdentified:
    match number:
        case None:
            return f.ClientIdentified(call, f.Verdict.WITHHELD, None)
        case "+79161234567":
            return f.ClientIdentified(call, f.Verdict.KNOWN, number, (f.ClientRef(ClientId(7), "Иван"),))
        case "+79167770000":
            gold = f.ClientRef(ClientId(10), "Golden", "gold")
            return f.ClientIdentified(call, f.Verdict.KNOWN, number, (gold,), AgentId("1002"), START)
        case "+79165550000":
            both = (f.ClientRef(ClientId(8), "Ольга"), f.ClientRef(ClientId(9), "Олег"))
            return f.ClientIdentified(call, f.Verdict.SEVERAL, number, both)
        case _:
            return f.ClientIdentified(call, f.Verdict.UNKNOWN, number)
