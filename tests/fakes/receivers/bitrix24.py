"""Bitrix24's external telephony, with its own rules: an application's token, the 30 minutes, one finish."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from tests.fakes.call_stories import START
from tests.fakes.receivers.receiver import Receiver

STATUS_CODES = {
    "200",
    "304",
    "603",
    "603-S",
    "403",
    "404",
    "486",
    "484",
    "503",
    "480",
    "402",
    "423",
    "OTHER",
}


@dataclass
class Bitrix24(Receiver):
    """``now`` is its clock. A token that is in ``tokens`` is good; ``refreshed`` are given out one by one."""

    tokens: set[str] = field(default_factory=lambda: {"access-1"})
    refresh: str = "refresh-1"
    users: set[int] = field(default_factory=lambda: {1, 7, 9})
    inner: set[str] = field(default_factory=lambda: {"1001", "1002", "1003"})
    now: datetime = START
    webhooks: bool = False  # whether they may register
    registered: dict[tuple[Any, ...], tuple[str, datetime]] = field(default_factory=dict)
    alive: dict[str, set[int]] = field(default_factory=dict)  # CALL_ID → who sees its card
    statistics: dict[str, dict[str, Any]] = field(default_factory=dict)  # finished
    files: dict[str, str] = field(default_factory=dict)  # CALL_ID → what is attached
    uploaded: bytes = b""
    _number: int = 0

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_post("/rest/telephony.externalCall.{method}", self._call)
        router.add_post("/rest/1/{code}/telephony.externalCall.{method}", self._call)
        router.add_post("/rest/upload.json", self._upload)
        router.add_get("/oauth/token/", self._token)

    async def _token(self, request: web.Request) -> web.Response:
        if (
            request.query.get("refresh_token") != self.refresh
            or request.query["grant_type"] != "refresh_token"
        ):
            return _error(400, "invalid_grant", "")
        self._number += 1
        access, self.refresh = f"access-new-{self._number}", f"refresh-new-{self._number}"
        self.tokens.add(access)
        self.transcript.append("token")
        return web.json_response({"access_token": access, "refresh_token": self.refresh, "expires_in": 3600})

    async def _call(self, request: web.Request) -> web.Response:
        said: dict[str, Any] = await request.json()
        method = request.match_info["method"]
        if "code" in request.match_info:
            if not self.webhooks and method in ("register", "finish"):
                return _error(403, "WRONG_AUTH_TYPE", "Current authorization type is denied for this method")
        elif said.get("auth") not in self.tokens:
            return _error(401, "expired_token", "The access token provided has expired.")
        does: Mapping[str, Callable[[dict[str, Any]], web.Response]] = {
            "register": self._register,
            "show": self._show,
            "hide": self._hide,
            "finish": self._finish,
            "attachRecord": self._attach,
        }
        return does[method](said)

    def _user(self, said: dict[str, Any]) -> web.Response | None:
        if "USER_ID" not in said and "USER_PHONE_INNER" not in said:
            self.problem("no user")
            return _error(400, "ERROR_CORE", "USER_ID or USER_PHONE_INNER should be set")
        if said.get("USER_ID") not in self.users and said.get("USER_PHONE_INNER") not in self.inner:
            return _error(400, "ERROR_CORE", "User is not found or is not active")
        return None

    def _register(self, said: dict[str, Any]) -> web.Response:
        if (wrong := self._user(said)) is not None:
            return wrong
        if said.get("TYPE") not in (1, 2, 3, 4, 5):
            self.problem(f"TYPE {said.get('TYPE')!r}")
            return _error(400, "ERROR_CORE", "Unknown TYPE")
        if datetime.fromisoformat(said["CALL_START_DATE"]).tzinfo is None:
            self.problem("CALL_START_DATE without a zone")
        if not said["PHONE_NUMBER"].removeprefix("+").isdigit():
            return _error(400, "ERROR_CORE", "Unsupported phone number format")
        if said.get("SHOW") != 0:
            self.problem("the card is shown before anybody's phone rings")
        names = ("PHONE_NUMBER", "TYPE", "USER_ID", "USER_PHONE_INNER", "LINE_NUMBER", "EXTERNAL_CALL_ID")
        key = tuple(said.get(name) for name in names)
        call, at = self.registered.get(key, ("", self.now))
        if not call or self.now - at > timedelta(minutes=30):
            self._number += 1
            call = f"externalCall.{self._number}"
            self.registered[key] = (call, self.now)
            self.alive[call] = set()
        self.transcript.append(f"register {call} TYPE={said['TYPE']}")
        return web.json_response({"result": {"CALL_ID": call, "CRM_CREATED_LEAD": None}})

    def _show(self, said: dict[str, Any]) -> web.Response:
        return self._card("show", said)

    def _hide(self, said: dict[str, Any]) -> web.Response:
        return self._card("hide", said)

    def _card(self, what: str, said: dict[str, Any]) -> web.Response:
        call, users = said["CALL_ID"], said["USER_ID"]
        them = set(users if isinstance(users, list) else [users])
        self.transcript.append(f"{what} {','.join(map(str, sorted(them)))}")
        if call not in self.alive:
            self.problem(f"{what} of {call}, which is not there")
            return web.json_response({"result": False})
        seen = self.alive[call]
        if (
            not them
            or not them <= self.users
            or (what == "show" and them & seen)
            or (what == "hide" and them - seen)
        ):
            self.problem(f"{what} {them}, seen by {seen}")
        self.alive[call] = seen | them if what == "show" else seen - them
        return web.json_response({"result": True})

    def _finish(self, said: dict[str, Any]) -> web.Response:
        if (wrong := self._user(said)) is not None:
            return wrong
        call = said["CALL_ID"]
        self.transcript.append(f"finish {said['STATUS_CODE']} {said['DURATION']}")
        if call not in self.alive:
            if call not in self.statistics:
                self.problem(f"finish of {call}, which was never registered")
            return _error(
                400, "ERROR_CORE", "Call is not found (call should be registered prior to finishing)"
            )
        if said["STATUS_CODE"] not in STATUS_CODES or not isinstance(said["DURATION"], int):
            self.problem(f"STATUS_CODE {said['STATUS_CODE']!r}, DURATION {said['DURATION']!r}")
        if (said["STATUS_CODE"] == "200") != (said["DURATION"] > 0):
            self.problem(f"STATUS_CODE {said['STATUS_CODE']} of {said['DURATION']} seconds")
        self.statistics[call] = {**said, "seen": self.alive.pop(call)}
        return web.json_response({"result": {"CALL_ID": call, "CRM_ACTIVITY_ID": 1}})

    def _attach(self, said: dict[str, Any]) -> web.Response:
        call = said["CALL_ID"]
        self.transcript.append(f"attach {said['FILENAME']}")
        if call not in self.statistics:
            self.problem(f"a record of {call} before it was finished")
            words = "Call is not found in the statistic table. It looks like it is not finished yet."
            return _error(400, "", words)
        if not said["FILENAME"].endswith((".wav", ".mp3")):
            return _error(400, "ERROR_CORE", "Wrong file extension. Only wav and mp3 are allowed")
        if "RECORD_URL" not in said:
            url = f"{self.url}/rest/upload.json?token={call}"
            return web.json_response({"result": {"uploadUrl": url, "fieldName": "file"}})
        self.files[call] = said["RECORD_URL"]
        return web.json_response({"result": {"FILE_ID": 1}})

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        file = form["file"]
        assert isinstance(file, web.FileField)
        self.uploaded = file.file.read()
        self.files[request.query["token"]] = file.filename
        self.transcript.append("upload")
        return web.json_response({"result": {"FILE_ID": 2}})


def _error(status: int, error: str, description: str) -> web.Response:
    return web.json_response({"error": error, "error_description": description}, status=status)
