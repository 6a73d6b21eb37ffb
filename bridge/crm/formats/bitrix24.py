"""Bitrix24's external telephony: register, show, hide, finish and attachRecord of its REST API, as JSON.

Sources: the official documentation (github.com/bitrix24/b24restdocs, api-reference/telephony and
settings/oauth, 2026; dev.1c-bitrix.ru). Confirmed there:

- ``telephony.externalCall.register`` gives the CALL_ID that all others need. Within 30 minutes a second one
  of the same number, type, user, line and EXTERNAL_CALL_ID gives the old call: so EXTERNAL_CALL_ID is our
  call's id, always. It needs a user, also when nobody is known yet: option ``user``.
- TYPE: 1 out, 2 in, 3 in with redirection, 4 callback, 5 informational (never ours).
- show and hide know users by USER_ID only, one or a list, and answer false for a call that is not found.
- finish: USER_ID or USER_PHONE_INNER, DURATION in seconds, STATUS_CODE, FAILED_REASON. A call can be finished
  once: "Call is not found" afterwards, so after a lost reply it means that it is finished.
- attachRecord only after finish ("not finished yet"), wav and mp3 only; a second one replaces the first. By
  RECORD_URL, which must be a public address, or by FILENAME alone: then ``uploadUrl`` and ``fieldName`` come
  back, and the file is sent there (option ``record``).
- register and finish work only for an application (OAuth). An access token lives for an hour; when it is
  refused (401 ``expired_token``) a new pair is got from oauth.bitrix.info, and not before.
- A call from ONEXTERNALCALLSTART is registered already, and is only finished: ``registered``.

The secret is a JSON object of access_token, refresh_token, client_id and client_secret, and application_token
where it is to send events of its own (``bitrix24_events``); or with ``auth=
webhook`` the code of a webhook, for {secret} in the address. Not confirmed, so options: what number stands
for a withheld one (``withheld``; is it refused, nothing of that call is told), and whether an installation
lets webhooks register calls.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit

import msgspec

from bridge.crm.formats import Reply, State, Target, Upload, kinds
from bridge.crm.formats.bitrix24_steps import (
    FINISHED,
    ID,
    NOBODY,
    REFUSED,
    RENEW,
    RENEWED,
    SHOWN,
    TYPE,
    UPLOAD,
    Step,
    after,
    following,
)
from bridge.crm.formats.endings import Ending, ending
from bridge.crm.formats.options import Option, address, check_address, checked, chosen, is_address
from bridge.crm.formats.words import (
    ANONYMOUS,
    JSON,
    NUMBER,
    call_id,
    plus,
    read_json,
    refused,
    seconds_talked,
    taken,
    text,
    who,
    word,
)
from bridge.crm.outside import Request, Response
from bridge.crm.told import Person, Told
from bridge.errors import BadInput

OPTIONS = {
    "auth": Option.choice("oauth", "webhook"),
    "callback_queue": Option(r"[0-9A-Za-z_-]{1,64}", "the name of the queue whose agents call visitors back"),
    "chat": Option.choice("0", "1"),
    "create": Option.choice("0", "1"),
    "line": Option(
        r"[0-9A-Za-z+_.-]{1,64}", "the external line's number, as telephony.externalLine.get tells it"
    ),
    "oauth_url": Option(r"https://\S{1,500}", "an https address", "https://oauth.bitrix.info/oauth/token/"),
    "record": Option.choice("upload", "url", "none"),
    "user": Option(r"[0-9]{1,18}", "the Bitrix24 id of the user for whom a call is that is nobody's yet"),
    "users": Option(
        r"[0-9A-Za-z_.-]+=[0-9]+(,[0-9A-Za-z_.-]+=[0-9]+)*",
        "agent=Bitrix24 user id, with commas: 1001=7,1002=9",
    ),
    "withheld": Option(r"[0-9A-Za-z+-]{1,40}", "a word or a number for withheld ones", ANONYMOUS),
}
_TOKENS = ("access_token", "refresh_token", "client_id", "client_secret")
_STALE = timedelta(seconds=60)  # a card that pops up later is of a call that rings no more

_METHODS = {
    "register": "telephony.externalCall.register",
    "show": "telephony.externalCall.show",
    "hide": "telephony.externalCall.hide",
    "finish": "telephony.externalCall.finish",
    "attach": "telephony.externalCall.attachRecord",
}
_IN = {
    Ending.TALKED: "200",
    Ending.FORWARDED: "200",
    Ending.BUSY: "486",
    Ending.REJECTED: "603",
    Ending.FAILED: "OTHER",
}  # all others: 304, missed
_OUT = {
    Ending.TALKED: "200",
    Ending.FORWARDED: "200",
    Ending.VOICEMAIL: "200",
    Ending.CANCELLED: "603-S",
    Ending.ELSEWHERE: "603-S",
    Ending.NO_ANSWER: "304",
    Ending.BUSY: "486",
    Ending.REJECTED: "603",
    Ending.NOT_FOUND: "404",
    Ending.CONGESTED: "503",
    Ending.FAILED: "OTHER",
}
_OUT_BY_CAUSE = {20: "480", 27: "480", 28: "484", 55: "403", 57: "403"}  # finer than an ending


class Bitrix24:
    name = "bitrix24"

    def check(self, target: Target) -> None:
        checked(target, self.name, OPTIONS)
        if not target.options.get("user"):
            raise BadInput(f"{self.name}: option 'user' is missing; write {OPTIONS['user'].means}")
        if chosen(target, OPTIONS, "auth") == "oauth":
            tokens = read_json(target.secret)
            missing = [name for name in _TOKENS if not word(tokens, name, 512)]
            if missing:
                raise BadInput(f"{self.name}: the secret is a JSON object; in it is no {', '.join(missing)}")
            check_address(chosen(target, OPTIONS, "oauth_url"), f"{self.name}: option 'oauth_url'")

    def request(self, told: Told, target: Target, state: State, step: int, now: datetime) -> Request | None:
        todo = _following(told, target, state)
        if todo is None or (told.type == kinds.RINGING and now - told.at > _STALE):
            return None
        if todo.method == "renew":
            return _renewal(target)
        if todo.method == "upload":
            url, field = state[UPLOAD].split(" ", 1)
            recording, name, _ = _recording(told)
            return Upload("POST", url, {"Accept": JSON}, b"", recording, field, name)
        fields = _fields(todo, told, target, state)
        if chosen(target, OPTIONS, "auth") == "oauth":
            fields["auth"] = word(read_json(target.secret), "access_token", 512)
        url = f"{address(target).rstrip('/')}/{_METHODS[todo.method]}"
        return Request("POST", url, {"Content-Type": JSON, "Accept": JSON}, msgspec.json.encode(fields))

    def reply(self, told: Told, target: Target, state: State, step: int, response: Response) -> Reply:
        todo = _following(told, target, state)
        if todo is None:
            return Reply(accepted=True)
        answer = read_json(response.body)
        error = word(answer, "error") or ("" if taken(response) else f"HTTP {response.status}")
        if todo.method == "renew":
            return _renewed(told, target, state, answer, error, response)
        expired = error.lower() == "expired_token" and chosen(target, OPTIONS, "auth") == "oauth"
        if expired and state.get(RENEWED) != told.id:
            return Reply(accepted=False, reason=error, state={**state, RENEW: "1"}, again=True)
        if error:
            said = word(answer, "error_description", 200)
            return _failed(todo, state, response, target, f"{word(answer, 'error')} {said}".strip())
        return _accepted(todo, told, target, state, answer, response)


def registered(call_id: str, user: str = "") -> State:
    """Of a call that Bitrix24 has asked for (ONEXTERNALCALLSTART): registered, and shown to ``user``."""
    return {ID: text(call_id, 200), TYPE: "1", **({SHOWN: user} if user else {})}


def called_back() -> State:
    """Of a call that ONEXTERNALCALLBACKSTART has asked for."""
    return {TYPE: "4"}


def application_token(target: Target) -> bytes:
    """By which events of its own are known to be from it; empty where there is none, and none are taken."""
    return word(read_json(target.secret), "application_token", 512).encode()


def agent_of(user: str, target: Target) -> str | None:
    """Who is this Bitrix24 user."""
    return next((agent for agent, other in _users(target).items() if other == user), None)


def status_code(told: Told) -> str:
    how = ending(told)
    if told.direction != "out":
        return _IN.get(how, "304")
    if how not in (Ending.TALKED, Ending.FORWARDED, Ending.VOICEMAIL) and told.cause in _OUT_BY_CAUSE:
        return _OUT_BY_CAUSE[told.cause]
    return _OUT[how]


def _following(told: Told, target: Target, state: State) -> Step | None:
    return following(told, state, _users(target), chosen(target, OPTIONS, "record"))


def _users(target: Target) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in target.options.get("users", "").split(",") if pair)
    return {agent: user for agent, _, user in pairs}


def _user(agent: Person | None, target: Target, state: State) -> dict[str, object]:
    """As which user he is known there, or else by his extension; nobody: the option's."""
    if NOBODY in state:
        agent = None
    if agent is not None and (user := _users(target).get(agent.id)):
        return {"USER_ID": int(user)}
    if agent is not None and agent.extension:
        return {"USER_PHONE_INNER": text(agent.extension, NUMBER)}
    return {"USER_ID": int(target.options["user"])}


def _fields(step: Step, told: Told, target: Target, state: State) -> dict[str, object]:
    if step.method == "register":
        agent = who(told) if told.direction == "out" else None
        fields: dict[str, object] = {
            **_user(agent, target, state),
            "PHONE_NUMBER": plus(told, chosen(target, OPTIONS, "withheld")),
            "TYPE": int(state.get(TYPE) or _type(told)),
            "CALL_START_DATE": told.offered_at.isoformat(timespec="seconds"),
            "CRM_CREATE": int(chosen(target, OPTIONS, "create")),
            "SHOW": 0,
            "ADD_TO_CHAT": int(chosen(target, OPTIONS, "chat")),
            "EXTERNAL_CALL_ID": call_id(told),
        }
        if line := chosen(target, OPTIONS, "line"):
            fields["LINE_NUMBER"] = line
        return fields
    fields = {"CALL_ID": state[ID]}
    match step.method:
        case "show" | "hide":
            fields["USER_ID"] = [int(user) for user in step.users]
        case "finish":
            fields |= _user(who(told), target, state)
            status = status_code(told)
            fields["DURATION"] = seconds_talked(told)
            fields["STATUS_CODE"] = status
            if status != "200":
                fields["FAILED_REASON"] = ending(told).value.replace("_", " ")
            fields["ADD_TO_CHAT"] = int(chosen(target, OPTIONS, "chat"))
        case _:
            _, name, url = _recording(told)
            fields["FILENAME"] = name
            if chosen(target, OPTIONS, "record") == "url":
                fields["RECORD_URL"] = url
    return fields


def _type(told: Told) -> str:
    if told.direction == "out":
        return "1"
    return "3" if told.transfer or told.outcome == "forwarded" else "2"


def _recording(told: Told) -> tuple[str, str, str]:
    """Its id, file name and address."""
    one = told.recording
    return (one.id, text(one.file_name, 120), text(one.url, 2_048)) if one else ("", "", "")


def _renewal(target: Target) -> Request:
    tokens = read_json(target.secret)
    fields = {name: word(tokens, name, 512) for name in ("client_id", "client_secret", "refresh_token")}
    query = urlencode({"grant_type": "refresh_token", **fields})
    return Request("GET", f"{chosen(target, OPTIONS, 'oauth_url')}?{query}", {"Accept": JSON}, b"")


def _renewed(
    told: Told, target: Target, state: State, answer: Mapping[str, object], error: str, response: Response
) -> Reply:
    new = {name: value for name in _TOKENS[:2] if (value := word(answer, name, 512))}
    kept = {name: value for name, value in state.items() if name != RENEW}
    if error or len(new) < 2:
        # Perhaps another call has got a new pair in the meantime: next time it is tried with that first.
        said = f"new token: {error or 'none in its answer'} {word(answer, 'error_description', 200)}"
        return Reply(accepted=False, reason=refused(response, target, said).reason, state=kept)
    kept[RENEWED] = told.id  # is that one refused as well, it is no matter of its age
    secret = msgspec.json.encode({**read_json(target.secret), **new})
    return Reply(accepted=False, reason="a new token", state=kept, secret=secret, again=True)


def _failed(step: Step, state: State, response: Response, target: Target, said: str) -> Reply:
    reply = refused(response, target, said)
    if response.status not in (200, 400, 403, 404) or "WRONG_AUTH_TYPE" in said:
        return reply
    if "User is not found" in said and NOBODY not in state:
        return Reply(accepted=False, reason=reply.reason, state={**state, NOBODY: "1"}, again=True)
    if step.method == "finish" and "Call is not found" in said:
        return Reply(
            accepted=True, reason=f"finished already: {reply.reason}", state={**state, FINISHED: "1"}
        )
    if step.method == "register" and "ERROR_CORE" in said:
        return Reply(accepted=False, reason=reply.reason, permanent=True, state={**state, REFUSED: "1"})
    # A card or a recording that it does not take now must not keep the call's other events waiting.
    return replace(reply, permanent=step.method in ("show", "hide", "attach", "upload"))


def _accepted(
    step: Step, told: Told, target: Target, state: State, answer: Mapping[str, object], response: Response
) -> Reply:
    result = answer.get("result")
    fields = result if isinstance(result, dict) else {}
    if step.method == "register":
        call = word(fields, "CALL_ID", 200)
        if not call:
            return refused(response, target, "no CALL_ID in its answer")
        return Reply(accepted=True, state=after(step, told, {**state, ID: call}))
    reason = "it knows no such call" if step.method in ("show", "hide") and result is False else ""
    new = after(step, told, state)
    if step.method == "attach" and chosen(target, OPTIONS, "record") == "upload":
        new = dict(state)  # attached when it is uploaded
        url = fields.get("uploadUrl")
        if not isinstance(url, str) or not _is_portal(url, target):
            return refused(response, target, "no uploadUrl of this portal in its answer")
        new[UPLOAD] = f"{url} {word(fields, 'fieldName', 40) or 'file'}"
    return Reply(accepted=True, reason=reason, state=new)


def _is_portal(url: str, target: Target) -> bool:
    there, own = urlsplit(url) if is_address(url) else None, urlsplit(target.url)
    return there is not None and (there.scheme, there.netloc) == (own.scheme, own.netloc)
