import pytest
from tests.e2e.hearing import MUSIC
from tests.e2e.test_transfers import ANNA, BORIS, SUPERVISOR, Begin, Talk, begin
from tests.e2e.test_supervision import supervise, TABLE

__all__ = ["begin"]
pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(300)]


@pytest.mark.parametrize("case", ["again", "after"])
async def test_case(begin: Begin, case: str) -> None:
    talk = await begin(SUPERVISOR, BORIS)
    if case != "late":
        await supervise(talk, "listen" if case == "listenhold" else "whisper")
        await talk.phone(SUPERVISOR).event("media")

    async def chan(words):
        from tests.e2e.test_supervision import _channel

        text = await talk.lab.asterisk(f"core show channel {await _channel(talk, ANNA)}")
        print(
            "CHAN",
            words,
            [
                l
                for l in text.splitlines()
                if any(w in l for w in ("Format", "Transcode", "Generator", "State", "Frames", "Bridge"))
            ],
        )

    if case == "listenhold":
        await talk.wish(ANNA, "hold")
        await chan("held")
        await talk.hear(client={MUSIC})
        await talk.wish(ANNA, "resume")
        await talk.hear(**TABLE["listen"])
        await supervise(talk, "whisper")
    if case in ("again", "after"):
        await talk.wish(ANNA, "hold")
        await talk.hear(**{"client": {MUSIC}, f"a{ANNA}": {SUPERVISOR}, f"a{SUPERVISOR}": {ANNA}})
        await chan("held")
        await talk.wish(ANNA, "resume")
        await talk.hear(**TABLE["whisper"])
        await chan("resumed")
        if case == "again":
            await supervise(talk, "leave")
            await talk.phone(SUPERVISOR).event("ended")
            await supervise(talk, "whisper")
            await talk.phone(SUPERVISOR).event("media", 2)
    await talk.pass_on(ANNA, attended=True, agent=BORIS)
    await talk.stage(ANNA, "consulting")
    if case == "after":
        await supervise(talk, "leave")
        await talk.phone(SUPERVISOR).event("ended")
        await supervise(talk, "whisper")
        await talk.phone(SUPERVISOR).event("media", 2)
    if case == "late":
        await supervise(talk, "whisper")
        await talk.phone(SUPERVISOR).event("media")
    try:
        await talk.hear(
            **{
                "client": {MUSIC},
                f"a{ANNA}": {BORIS, SUPERVISOR},
                f"a{BORIS}": {ANNA},
                f"a{SUPERVISOR}": {ANNA, BORIS},
            }
        )
    finally:
        await chan("consult")
    await talk.wish(ANNA, "complete")
    await talk.ends()
