#!/usr/bin/env python3
"""A SIP phone for tests and the demo: one process a phone, on pjsua2 with the null sound device.

Commands come in as JSON lines on stdin, events go out as JSON lines on stdout; what to do when is the
script's that drives it, not the phone's.

    in    {"do": "answer" | "hangup" | "quit"}  {"do": "reject", "code": 486}
          {"do": "dtmf", "digits": "2"}  {"do": "call", "uri": "sip:*43@127.0.0.1:5060"}
    out   {"event": "registered" | "unregistered" | "register_failed" | "started" | "incoming" | "calling" |
           "ringing" | "answered" | "media" | "digit" | "cancelled" | "ended" | "recorded" | "error",
           "mono": s, "wall": s, …}

"cancelled" is a ring that the other side took back: its Reason header (RFC 3326) says why, and whether the
call counts as missed. With ``--trunk`` the phone is a stranger who calls by the trunk: it registers nowhere.

``mono`` is CLOCK_MONOTONIC, the same for every process on the machine. The end of stdin means quit, unless
``--unattended`` says that nobody drives it.
"""

import json
import os
import random
import re
import select
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pjsua2 as pj
from phone_options import Options, read_options
from sip_headers import headers_of, party_of

POLL_MS = 10
GOODBYE_S = 3.0
TONE_LEVEL = 8000
# docker-proxy forgets a UDP peer to whom the container has sent nothing for 90 s: the reply to a REGISTER
# every minute keeps the way back to the phone open.
REGISTER_EVERY_S = 60
# pjlib greets on stdout before its log can be configured: main() sends that to stderr.
EVENTS = os.dup(1)


def emit(event: str, **fields: Any) -> None:
    line = {"event": event, "mono": time.monotonic(), "wall": time.time(), **fields}
    os.write(EVENTS, json.dumps(line, ensure_ascii=False).encode() + b"\n")


def is_whole(wav: Path) -> bool:
    """Whether its header (RIFF, the length of the rest) has been written."""
    with wav.open("rb") as file:
        head = file.read(12)
    return head[:4] == b"RIFF" and head[8:] == b"WAVE" and int.from_bytes(head[4:8], "little") > 0


class Account(pj.Account):  # type: ignore[misc]  # pjsua2 has no types
    def __init__(self, phone: "Phone") -> None:
        super().__init__()
        self.phone = phone

    def onRegState(self, prm: pj.OnRegStateParam) -> None:
        info = self.getInfo()
        if prm.code == 0 or prm.code >= 300:
            emit("register_failed", code=prm.code, reason=prm.reason)
        else:
            self.phone.on_registration(bool(info.regIsActive))

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:
        self.phone.on_incoming(prm.callId, prm.rdata.wholeMsg)


class Call(pj.Call):  # type: ignore[misc]  # pjsua2 has no types
    def __init__(self, phone: "Phone", account: Account, call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(account, call_id)
        self.phone = phone
        self.answered = False
        self.cancelled = False
        self.heard = False
        self.recorder: pj.AudioMediaRecorder | None = None
        self.recording: Path | None = None

    def onCallState(self, prm: pj.OnCallStateParam) -> None:
        info = self.getInfo()
        sip_call_id = info.callIdString
        if info.state == pj.PJSIP_INV_STATE_EARLY and info.role == pj.PJSIP_ROLE_UAC:
            emit("ringing", sip_call_id=sip_call_id, code=info.lastStatusCode)
        elif info.state == pj.PJSIP_INV_STATE_CONFIRMED and not self.answered:
            self.answered = True
            emit("answered", sip_call_id=sip_call_id)
            self.phone.on_answered(self)
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            emit("ended", sip_call_id=sip_call_id, code=info.lastStatusCode, reason=info.lastReason)
            self.phone.on_ended(self)

    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:
        # The media vector belongs to the CallInfo: without this name it is freed while it is read.
        info = self.getInfo()
        for media in info.media:
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                self.phone.on_sound(self, self.getAudioMedia(media.index))

    def onCallTsxState(self, prm: pj.OnCallTsxStateParam) -> None:
        state = prm.e.body.tsxState
        if state.tsx.method != "CANCEL" or state.type != pj.PJSIP_EVENT_RX_MSG or self.cancelled:
            return
        self.cancelled = True
        headers = headers_of(state.src.rdata.wholeMsg)
        reason = headers.get("reason", "")
        cause = re.search(r"cause=(\d+)", reason)
        emit(
            "cancelled",
            sip_call_id=headers.get("call-id", headers.get("i", "")),
            reason=reason,
            cause=int(cause[1]) if cause else None,
        )

    def onDtmfDigit(self, prm: pj.OnDtmfDigitParam) -> None:
        emit("digit", digit=prm.digit)


class Phone:
    def __init__(self, options: Options) -> None:
        self.options = options
        self.endpoint = pj.Endpoint()
        self.account: Account | None = None
        self.call: Call | None = None
        # pjsua2 frees a call's C++ object with its Python one: never inside its own callback.
        self.ended: list[Call] = []
        self.tone: pj.ToneGenerator | None = None
        self.calls = 0
        self.closing: list[Path] = []  # recordings that pjlib has yet to finish
        self.registered = False
        self.quitting = False
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.pending = b""

    # ── start and stop ───────────────────────────────────────────────────────

    def start(self) -> None:
        options = self.options
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True  # every callback runs in libHandleEvents, so none races with us
        config.uaConfig.userAgent = "callbridge-test-phone"
        config.logConfig.level = 2
        config.logConfig.consoleLevel = 0
        config.logConfig.msgLogging = 0
        config.medConfig.noVad = True  # silence is sent too: it opens the way back through NAT
        config.medConfig.clockRate = 8000
        config.medConfig.sndClockRate = 8000
        config.medConfig.ecTailLen = 0
        self.endpoint.libCreate()
        self.endpoint.libInit(config)
        self.endpoint.audDevManager().setNullDev()
        transport = pj.TransportConfig()
        transport.port = options.local_port
        transport.boundAddress = options.bind
        kind = pj.PJSIP_TRANSPORT_TCP if options.transport == "tcp" else pj.PJSIP_TRANSPORT_UDP
        self.endpoint.transportCreate(kind, transport)
        self.endpoint.libStart()
        for codec in self.endpoint.codecEnum2():
            wanted = {"PCMA/8000/1": 255, "PCMU/8000/1": 254}
            self.endpoint.codecSetPriority(codec.codecId, wanted.get(codec.codecId, 0))
        if options.tone:
            self.tone = pj.ToneGenerator()
            self.tone.createToneGenerator(8000, 1)
            note = pj.ToneDesc()
            note.freq1, note.freq2, note.on_msec, note.off_msec = options.tone, 0, 20000, 0
            note.volume = TONE_LEVEL
            notes = pj.ToneDescVector()
            notes.append(note)
            self.tone.play(notes, True)
        self.account = Account(self)
        self.account.create(self.account_config())
        if options.trunk:
            emit("started", user=options.user)

    def account_config(self) -> pj.AccountConfig:
        options = self.options
        suffix = ";transport=tcp" if options.transport == "tcp" else ""
        config = pj.AccountConfig()
        config.idUri = f"sip:{options.user}@{options.server}:{options.port}"
        if not options.trunk:
            config.regConfig.registrarUri = f"sip:{options.server}:{options.port}{suffix}"
        config.regConfig.timeoutSec = REGISTER_EVERY_S
        config.regConfig.retryIntervalSec = 2
        config.regConfig.firstRetryIntervalSec = 1
        config.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", options.user, 0, options.password))
        config.natConfig.contactRewriteUse = 0
        config.natConfig.viaRewriteUse = False
        config.natConfig.sdpNatRewriteUse = False
        config.mediaConfig.transportConfig.boundAddress = options.bind
        # several phones on one machine: each starts looking for free ports somewhere else
        config.mediaConfig.transportConfig.port = random.randrange(30000, 58000, 4)
        config.mediaConfig.transportConfig.portRange = 2000
        return config

    def stop(self) -> None:
        if self.call is not None:
            self.hang_up(0)
        self.turn_until(lambda: self.call is None)
        if self.account is not None:
            if self.registered:
                self.account.setRegistration(False)
                self.turn_until(lambda: not self.registered)
            self.account.shutdown()
        self.ended.clear()
        self.call = self.account = self.tone = None
        self.turn_until(lambda: not self.closing)
        self.endpoint.libDestroy()

    # ── the loop ─────────────────────────────────────────────────────────────

    def run(self) -> None:
        until = time.monotonic() + self.options.duration if self.options.duration else None
        while not self.quitting and (until is None or time.monotonic() < until):
            self.turn()

    def turn(self) -> None:
        self.endpoint.libHandleEvents(POLL_MS)
        self.ended.clear()
        self.tell_recorded()
        now = time.monotonic()
        due = [timer for timer in self.timers if timer[0] <= now]
        self.timers = [timer for timer in self.timers if timer[0] > now]
        for _, act in due:
            act()
        if not self.options.unattended and not self.quitting:
            self.read_commands()

    def turn_until(self, done: Callable[[], bool]) -> None:
        until = time.monotonic() + GOODBYE_S
        while not done() and time.monotonic() < until:
            self.endpoint.libHandleEvents(POLL_MS)
            self.ended.clear()
            self.tell_recorded()

    def read_commands(self) -> None:
        if not select.select([0], [], [], 0)[0]:
            return
        chunk = os.read(0, 65536)
        if not chunk:
            self.quitting = True
        *lines, self.pending = (self.pending + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                self.obey(line)

    def obey(self, line: bytes) -> None:
        try:
            command = json.loads(line)
            self.carry_out(command)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            emit("error", reason=f"not a command: {line.decode(errors='replace')!r}: {error}")
        except pj.Error as error:
            emit("error", reason=error.info())

    def carry_out(self, command: dict[str, Any]) -> None:
        match command["do"]:
            case "quit":
                self.quitting = True
            case "answer":
                self.answer()
            case "hangup":
                self.hang_up(0)
            case "reject":
                self.hang_up(int(command.get("code", 486)))
            case "dtmf" if self.call is not None:
                self.call.dialDtmf(str(command["digits"]))
            case "call" if self.call is None:
                self.dial(str(command["uri"]))
            case other:
                raise ValueError(f"{other!r} is unknown or does not fit now")

    # ── what happens ─────────────────────────────────────────────────────────

    def on_registration(self, active: bool) -> None:
        if active != self.registered:
            emit("registered" if active else "unregistered", user=self.options.user)
        self.registered = active

    def on_incoming(self, call_id: int, message: str) -> None:
        assert self.account is not None
        call = Call(self, self.account, call_id)
        headers = headers_of(message)
        number, name = party_of(headers.get("from", headers.get("f", "")))
        busy = self.call is not None
        emit(
            "incoming",
            caller=number,
            name=name,
            busy=busy,
            sip_call_id=headers.get("call-id", headers.get("i", "")),
            headers=headers,
        )
        if busy:
            self.ended.append(call)
            call.answer(self.status(486))
            return
        self.call = call
        call.answer(self.status(180))
        if self.options.auto_answer is not None:
            self.timers.append((time.monotonic() + self.options.auto_answer, lambda: self.answer(call)))

    def tell_recorded(self) -> None:
        for file in [file for file in self.closing if is_whole(file)]:
            self.closing.remove(file)
            emit("recorded", file=str(file))

    def on_sound(self, call: Call, sound: pj.AudioMedia) -> None:
        if self.tone is not None:
            self.tone.startTransmit(sound)
        if self.options.record is not None and call.recorder is None:
            self.calls += 1
            wanted = self.options.record
            call.recording = wanted if self.calls == 1 else wanted.with_stem(f"{wanted.stem}-{self.calls}")
            call.recorder = pj.AudioMediaRecorder()
            call.recorder.createRecorder(str(call.recording))
        if call.recorder is not None:
            sound.startTransmit(call.recorder)
        if not call.heard:
            call.heard = True
            emit("media")

    def on_answered(self, call: Call) -> None:
        wait = self.options.auto_hangup
        if wait is not None:

            def end() -> None:
                if self.call is call:
                    self.hang_up(0)

            self.timers.append((time.monotonic() + wait, end))

    def on_ended(self, call: Call) -> None:
        call.recorder = None  # closes the file, a moment later: its header gets its length
        if call.recording is not None:
            self.closing.append(call.recording)
        self.ended.append(call)
        if self.call is call:
            self.call = None

    # ── what we do ───────────────────────────────────────────────────────────

    @staticmethod
    def status(code: int) -> pj.CallOpParam:
        parameters = pj.CallOpParam()
        parameters.statusCode = code
        return parameters

    def answer(self, call: Call | None = None) -> None:
        current = self.call
        if current is not None and not current.answered and (call is None or call is current):
            current.answer(self.status(200))

    def hang_up(self, code: int) -> None:
        if self.call is not None:
            self.call.hangup(self.status(code))

    def dial(self, uri: str) -> None:
        assert self.account is not None
        call = Call(self, self.account)
        self.call = call
        emit("calling", uri=uri)
        try:
            call.makeCall(uri, pj.CallOpParam(True))
        except pj.Error:
            self.call = None
            raise


def main() -> int:
    phone = Phone(read_options((__doc__ or "").splitlines()[0]))
    os.dup2(2, 1)
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: setattr(phone, "quitting", True))
    try:
        phone.start()
        phone.run()
    except pj.Error as error:
        emit("error", reason=error.info())
        return 1
    finally:
        phone.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
