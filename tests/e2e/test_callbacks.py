"""CRMs are told of real calls over HTTP, and say what is to become of them; each judges by its own rules."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bridge.crm.formats.standard import new_secret
from tests.e2e.neighbours import neighbours, told
from tests.e2e.parts import Api, Lab, caller, eventually, outsider, phone
from tests.e2e.scene import echo_outside, ready, served, stranger
from tests.e2e.test_transfers import ANNA, BORIS, SALES_AGENT, SUPPORT, Begin, begin
from tests.fakes.receivers.bitrix24 import Bitrix24
from tests.fakes.receivers.placetel import SECRET as PLACETEL_SECRET
from tests.fakes.receivers.placetel import PlacetelReceiver
from tests.fakes.receivers.receiver import serving
from tests.fakes.receivers.sipgate import SipgateServer
from tests.fakes.receivers.standard_webhooks import StandardWebhooks
from tests.fakes.receivers.voys import VoysReceiver
from tests.fakes.receivers.zammad import TOKEN, Zammad

__all__ = ["begin"]  # a fixture
pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]

Call = list[dict[str, Any]]


def calls_of(crm: StandardWebhooks) -> Callable[[], Awaitable[list[Call]]]:
    async def look() -> list[Call]:
        return list(crm.calls.values())

    return look


def kinds(call: Call) -> list[str]:
    return [event["type"].removeprefix("call.") for event in call]


def at_end(*ends: str) -> Callable[[list[Call]], bool]:
    """Each call's last event is this one."""
    return lambda calls: [kinds(call)[-1] for call in calls] == list(ends)


async def waiting(api: Api) -> Call:
    """What has not been delivered yet."""
    items: Call = (await api.get("/callbacks", state="waiting"))["items"]
    return items


async def test_answered_given_up_and_passed_on(lab: Lab, api: Api, begin: Begin) -> None:
    secret = new_secret()
    crm = StandardWebhooks(secrets=(secret,))
    zammad = Zammad(phones={agent: agent for agent in (ANNA, BORIS)})
    async with (
        neighbours(lab) as host,
        serving(crm, host),
        serving(zammad, host),
        told(api, "crm", crm.url, secret),
        told(api, "zammad", f"{zammad.url}/api/v1/cti/{{secret}}", TOKEN, "zammad"),
    ):
        async with caller(lab, SUPPORT, number=stranger(), talk=2) as client:
            await client.event("done", seconds=30)
        async with ready(lab, api, [ANNA]) as there:
            assert await served(lab, api, there, SUPPORT, talk=1.5) == ANNA
        await api.order_agent(ANNA, "ready")
        talk = await begin(BORIS)
        await talk.pass_on(ANNA, agent=BORIS, attended=True)
        await talk.stage(ANNA, "consulting")
        await talk.wish(ANNA, "complete")
        await talk.talks(BORIS)
        await talk.ends()
        calls = await eventually(calls_of(crm), at_end("ended", "recording.ready", "recording.ready"), 30)
        await eventually(lambda: waiting(api), lambda seen: not seen)

    given_up, answered, passed_on = calls
    assert kinds(given_up) == ["offered", "ended"]
    assert kinds(answered) == ["offered", "ringing", "answered", "ended", "recording.ready"]
    assert kinds(passed_on) == [
        "offered",
        "ringing",
        "answered",
        "ringing",
        "transferred",
        "answered",
        "ended",
        "recording.ready",
    ]
    assert [call[-1]["data"]["outcome"] for call in calls] == ["abandoned", "answered", "answered"]
    agents = [e["data"]["agent"]["id"] for e in passed_on if e["type"] in ("call.ringing", "call.answered")]
    assert agents == [ANNA, ANNA, BORIS, BORIS]
    assert passed_on[-1]["data"]["recording"]["url"].startswith(f"{lab.web}/api/v1/recordings/")
    assert (crm.problems, crm.repeats) == ([], 0)
    assert zammad.problems == []
    assert [line.split()[0] for line in zammad.transcript] == [
        *("newCall", "hangup"),
        *("newCall", "answer", "hangup"),
        *("newCall", "answer", "hangup", "newCall", "answer", "hangup"),
    ]
    assert [agent for agent, _ in zammad.popped] == [ANNA, ANNA, BORIS]


async def test_each_format_tells_of_an_answered_call_and_of_one_given_up(lab: Lab, api: Api) -> None:
    sipgate, placetel, voys = SipgateServer(), PlacetelReceiver(), VoysReceiver()
    async with (
        neighbours(lab) as host,
        serving(sipgate, host),
        serving(placetel, host),
        serving(voys, host),
        told(api, "sipgate", sipgate.url, "", "sipgate"),
        told(api, "placetel", placetel.url, PLACETEL_SECRET.decode(), "placetel"),
        told(api, "voys", voys.url, "", "voys"),
    ):
        async with ready(lab, api, [ANNA]) as there:
            assert await served(lab, api, there, SUPPORT, talk=1.5) == ANNA
        async with caller(lab, SUPPORT, number=stranger(), talk=2) as client:
            await client.event("done", seconds=30)

        async def heard() -> list[str]:
            return [transcript[-1] for one in (sipgate, placetel, voys) if (transcript := one.transcript)]

        await eventually(heard, lambda seen: " ".join(seen).endswith("ended abandon"), 30)
        await eventually(lambda: waiting(api), lambda seen: not seen)
    assert [line.split()[0] for line in sipgate.transcript] == [
        "newCall",
        "answer",
        "hangup",
        "newCall",
        "hangup",
    ]
    assert sipgate.transcript[-1].endswith("cancel")
    assert placetel.transcript[0] == "IncomingCall"
    assert [line.split()[0] for line in placetel.transcript[1:]] == [
        "CallAccepted",
        "HungUp",
        "IncomingCall",
        "HungUp",
    ]
    assert placetel.transcript[-1] == "HungUp missed 0"
    assert [line.split()[0] for line in voys.transcript] == [
        *("created", "ringing", "in-progress", "ended"),
        *("created", "ended"),
    ]
    assert sipgate.problems + placetel.problems + voys.problems == []


async def test_a_crm_that_comes_back_has_missed_nothing(lab: Lab, api: Api) -> None:
    """Told anew after some seconds; a call that came meanwhile does not wait for it."""
    secret = new_secret()
    crm = StandardWebhooks(secrets=(secret,))

    async def tried(subscription: int) -> int:
        return max((one["tries"] for one in await told_to(subscription)), default=0)

    async def told_to(subscription: int) -> list[dict[str, Any]]:
        return (await api.get("/callbacks", subscription=subscription))["items"]

    async with neighbours(lab) as host:
        async with serving(crm, host):
            pass  # now its port is known, and nobody is there
        async with told(api, "crm", crm.url, secret) as subscription:
            async with caller(lab, SUPPORT, number=stranger(), talk=1) as first:
                await first.event("done", seconds=30)
            await eventually(lambda: tried(subscription))
            async with serving(crm, host, int(crm.url.rpartition(":")[2])):
                async with caller(lab, SUPPORT, number=stranger(), talk=1) as second:
                    await second.event("done", seconds=30)
                calls = await eventually(calls_of(crm), at_end("ended", "ended"))
            rows = await told_to(subscription)
    assert [kinds(call) for call in calls] == [["offered", "ended"]] * 2
    assert (crm.problems, crm.repeats) == ([], 0)
    assert {row["state"] for row in rows} == {"delivered"}
    assert len(rows) == 4


async def test_a_crm_turns_a_caller_away_or_to_somebody_else(lab: Lab, api: Api, tmp_path: Path) -> None:
    secret = new_secret()
    crm = StandardWebhooks(secrets=(secret,), steer={"action": "reject", "reason": "busy"})
    async with (
        neighbours(lab) as host,
        serving(crm, host),
        told(api, "crm", crm.url, secret),
        phone(lab, ANNA, answer=None) as hers,
        phone(lab, BORIS) as his,
    ):
        number = stranger()
        async with outsider(lab, number, record=tmp_path / "heard.wav") as client:
            await client.do(do="call", uri=f"sip:{SUPPORT}@{lab.host}:{lab.sip_port}")
            await client.event("ended")
        refused = await api.ended(number)
        assert refused["outcome"] == "refused"
        assert [(leg["cause"], leg["tech_cause"]) for leg in refused["legs"] if leg["kind"] == "client"] == [
            (17, 486)  # user busy
        ]

        # A phone that rings already rings no more.
        await api.agent_is(ANNA, "ready")
        await api.agent_is(BORIS, "ready", 30)
        crm.steer, number = {"action": "dial", "number": BORIS}, stranger()
        async with caller(lab, SUPPORT, number=number, wait=0, talk=2) as client:
            await his.event("answered")
            await client.event("done", seconds=30)
        served = await api.ended(number)
        assert (served["agent"], served["outcome"]) == (BORIS, "answered")
        assert hers.count("incoming") == hers.count("cancelled")
    assert crm.problems == []


async def test_a_crm_sends_a_caller_into_a_queue_or_outside(lab: Lab, api: Api) -> None:
    """By Placetel's XML into a queue, by sipgate's to a number; what comes too late changes nothing."""
    placetel = PlacetelReceiver(answer='<Response><Queue id="sales"/></Response>')
    async with (
        neighbours(lab) as host,
        serving(placetel, host),
        told(api, "placetel", placetel.url, PLACETEL_SECRET.decode(), "placetel", control="on"),
        ready(lab, api, [SALES_AGENT]) as there,
    ):
        assert await served(lab, api, there, SUPPORT, talk=1) == SALES_AGENT
    sipgate = SipgateServer(action="<Dial><Number>4951112233</Number></Dial>")
    async with (
        neighbours(lab) as host,
        serving(sipgate, host),
        told(api, "sipgate", sipgate.url, "", "sipgate"),
        echo_outside(lab),
    ):
        number = stranger()
        async with caller(lab, SUPPORT, number=number, wait=0, talk=3) as client:
            await client.event("done", seconds=30)
        forwarded = await api.ended(number)
        outside = [leg for leg in forwarded["legs"] if leg["kind"] == "outside"]
        assert (forwarded["outcome"], forwarded["agent"]) == ("forwarded", None)
        assert outside[0]["answered_at"] is not None

        async def last_words() -> list[str]:
            return [line.rpartition(" ")[2] for line in sipgate.transcript[1:]]

        await eventually(last_words, lambda seen: seen == ["74951112233", "forwarded"])
    secret = new_secret()
    late = StandardWebhooks(secrets=(secret,), steer={"action": "reject"}, pause=3)
    async with (
        neighbours(lab) as host,
        serving(late, host),
        told(api, "crm", late.url, secret),
        ready(lab, api, [ANNA]) as there,
    ):
        assert await served(lab, api, there, SUPPORT, talk=4) == ANNA
    assert placetel.problems + sipgate.problems + late.problems == []


@pytest.mark.parametrize("wish", ["click", "callback"])
async def test_bitrix24_has_a_number_called(lab: Lab, api: Api, wish: str) -> None:
    """By an agent's click: it is registered there already. By a visitor: it is registered as called back."""
    portal = Bitrix24(alive={"externalCall.click": {7}} if wish == "click" else {})
    tokens = {name: f"{name.partition('_')[0]}-1" for name in ("access_token", "refresh_token")}
    secret = {**tokens, "client_id": "a", "client_secret": "b", "application_token": "from-the-portal"}
    event = {
        "event": "ONEXTERNALCALLSTART" if wish == "click" else "ONEXTERNALCALLBACKSTART",
        "data[PHONE_NUMBER_INTERNATIONAL]": "+74951112233",
        "auth[application_token]": "from-the-portal",
    }
    if wish == "click":
        event |= {"data[USER_ID]": "7", "data[CALL_ID]": "externalCall.click"}
    async with (
        neighbours(lab) as host,
        serving(portal, host),
        told(
            api,
            "portal",
            f"{portal.url}/rest",
            json.dumps(secret),
            "bitrix24",
            user="1" if wish == "click" else "7",
            users=f"{ANNA}=7",
        ) as subscription,
        ready(lab, api, [ANNA]) as there,
        echo_outside(lab),
    ):
        async with (
            aiohttp.ClientSession() as bitrix,
            bitrix.post(f"{lab.web}/crm/bitrix24/{subscription}", data=event) as reply,
        ):
            assert reply.status == 200, await reply.text()
            call = (await reply.json())["call_id"]
        await there[ANNA].event("answered")

        async def is_answered() -> bool:
            return (await api.get(f"/calls/{call}"))["answered_at"] is not None

        await eventually(is_answered)
        await asyncio.sleep(1.5)  # they talk
        await there[ANNA].do(do="hangup")

        async def transcript() -> list[str]:
            return [line.split()[0] for line in portal.transcript]

        await eventually(transcript, lambda seen: seen[-1:] == ["upload"], 30)
        begun = [] if wish == "click" else ["register", "show"]
        assert await transcript() == [*begun, "finish", "attach", "upload"]
        if wish == "callback":
            assert portal.transcript[0].endswith("TYPE=4")
        assert portal.uploaded[:4] == b"RIFF"
        assert portal.problems == []
        assert [call["STATUS_CODE"] for call in portal.statistics.values()] == ["200"]
