#!/usr/bin/env python3
"""A SIP phone for tests and the demo: one process a phone, on pjsua2 with the null sound device.

Commands come in as JSON lines on stdin, events go out as JSON lines on stdout; what to do when is the
script's that drives it, not the phone's.

    in    {"do": "answer" | "hangup" | "hold" | "unhold", "line": 1}  {"do": "reject", "code": 486, "line": 1}
          {"do": "dtmf", "digits": "2", "line": 1}  {"do": "call", "uri": "sip:*43@127.0.0.1:5060", "line": 1}
          {"do": "refer", "to": "sip:1002@127.0.0.1:5060", "line": 1}           a blind transfer
          {"do": "refer_replaces", "line": 1, "other": 2}                       an attended one
          {"do": "mute" | "unmute" | "quit"}
    out   {"event": "registered" | "unregistered" | "register_failed" | "started" | "muted" | "unmuted" |
           "error", "mono": s, "wall": s, …}
          {"event": "incoming" | "calling" | "ringing" | "answered" | "media" | "digit" | "cancelled" |
           "ended" | "recorded" | "held" | "unheld" | "hold_failed" | "refer_answered" | "refer_status" |
           "referred" | "replaced", "line": 1, "mono": s, "wall": s, …}

"line" is 1 unless given. A call that comes in takes the first free line of ``--lines``; when there is none,
it is told 486, and its "line" is 0. What is said goes to each line that is not held; no line hears another.
Each call is recorded by itself, in real time from its "media" on, also while it is held.

"cancelled" is a ring that the other side took back: its Reason header (RFC 3326) says why, and whether the
call counts as missed. "refer_answered" has the final "code" of the REFER itself, "refer_status" that of a
NOTIFY, and whether it is the "final" one: if so and all is well we hang up, unless the command had
"stay": true. "referred" and "replaced" are asked for by the other side: the new call has the same line.
With ``--trunk`` the phone is a stranger who calls by the trunk: it registers nowhere.

``mono`` is CLOCK_MONOTONIC, the same for every process on the machine. The end of stdin means quit, unless
``--unattended`` says that nobody drives it.
"""

import json
import math
import os
import random
import select
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pjsua2 as pj
from phone_call import Account, Call, status
from phone_events import emit, is_whole
from phone_options import Options, read_options
from sip_headers import headers_of, party_of

POLL_MS = 10
GOODBYE_S = 3.0
TONE_LEVEL = 8000
# docker-proxy forgets a UDP peer to whom the container has sent nothing for 90 s: the reply to a REGISTER
# every minute keeps the way back to the phone open.
REGISTER_EVERY_S = 60


class Phone:
    status = staticmethod(status)

    def __init__(self, options: Options) -> None:
        self.options = options
        self.endpoint = pj.Endpoint()
        self.account: Account | None = None
        self.lines: dict[int, Call] = {}
        # pjsua2 frees a call's C++ object with its Python one: never inside its own callback.
        self.ended: list[Call] = []
        self.tone: pj.ToneGenerator | None = None
        self.calls = 0
        self.muted = False
        self.closing: list[tuple[Path, Call]] = []  # recordings that pjlib has yet to finish
        self.registered = False
        self.quitting = False
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.pending = b""

    @property
    def call(self) -> Call | None:
        """The call of a phone that has one line."""
        return self.lines.get(1)

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
            # pjmedia's oscillator is the louder the higher: by 3 dB at 2000 Hz, by 20 dB at 3730 Hz.
            note.volume = round(TONE_LEVEL * math.cos(math.pi * options.tone / 8000))
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
        for call in list(self.lines.values()):
            call.leave_all()
        self.turn_until(lambda: not self.lines)
        if self.account is not None:
            if self.registered:
                self.account.setRegistration(False)
                self.turn_until(lambda: not self.registered)
            self.account.shutdown()
        self.ended.clear()
        self.lines.clear()
        self.account = self.tone = None
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
        number = int(command.get("line", 1))
        call = self.lines.get(number)
        match command["do"]:
            case "quit":
                self.quitting = True
            case "mute" | "unmute" as do:
                self.mute(do == "mute")
            case "call" if call is None and number >= 1:
                self.dial(str(command["uri"]), number)
            case "answer":
                self.answer(call)
            case "hangup" | "reject" as do:
                if call is not None:
                    call.leave(int(command.get("code", 486)) if do == "reject" else 0)
            case "dtmf" if call is not None:
                call.dialDtmf(str(command["digits"]))
            case "hold" if call is not None and not call.held:
                call.hold()
            case "unhold" if call is not None and call.held:
                call.unhold()
            case "refer" if call is not None:
                call.refer(str(command["to"]), bool(command.get("stay")))
            case "refer_replaces" if call is not None:
                call.refer(self.lines[int(command["other"])], bool(command.get("stay")))
            case other:
                raise ValueError(f"{other!r} is unknown or does not fit now")

    # ── what happens ─────────────────────────────────────────────────────────

    def on_registration(self, active: bool) -> None:
        if active != self.registered:
            emit("registered" if active else "unregistered", user=self.options.user)
        self.registered = active

    def on_incoming(self, call_id: int, message: str) -> None:
        assert self.account is not None
        free = [line for line in range(1, self.options.lines + 1) if line not in self.lines]
        busy = len(self.lines) >= self.options.lines
        call = Call(self, self.account, call_id, 0 if busy else free[0])
        headers = headers_of(message)
        number, name = party_of(headers.get("from", headers.get("f", "")))
        call.tell(
            "incoming",
            caller=number,
            name=name,
            busy=busy,
            sip_call_id=headers.get("call-id", headers.get("i", "")),
            headers=headers,
        )
        if busy:
            self.ended.append(call)
            call.answer(status(486))
            return
        self.lines[call.line] = call
        call.answer(status(180))
        if self.options.auto_answer is not None:
            self.timers.append((time.monotonic() + self.options.auto_answer, lambda: self.answer(call)))

    def tell_recorded(self) -> None:
        for file, call in [one for one in self.closing if is_whole(one[0])]:
            self.closing.remove((file, call))
            call.tell("recorded", file=str(file))

    def on_sound(self, call: Call, sound: pj.AudioMedia) -> None:
        if self.options.record is not None and call.recorder is None:
            self.record(call, self.options.record)
        self.connect(call)
        if call.recorder is not None:
            sound.startTransmit(call.recorder)
        if not call.heard:
            call.heard = True
            call.tell("media")
            # A call that began while the former one's port was being removed may have got that port, and the
            # connection goes with it (pjsua2 2.15).
            self.timers.append((time.monotonic() + 0.2, lambda: self.reconnect(call)))

    def record(self, call: Call, wanted: Path) -> None:
        self.calls += 1
        call.recording = wanted if self.calls == 1 else wanted.with_stem(f"{wanted.stem}-{self.calls}")
        call.recorder = pj.AudioMediaRecorder()
        call.recorder.createRecorder(str(call.recording))
        # Nothing is written while nobody transmits: the null device does all the time, so that it keeps time.
        self.endpoint.audDevManager().getCaptureDevMedia().startTransmit(call.recorder)

    def on_answered(self, call: Call) -> None:
        wait = self.options.auto_hangup
        if wait is not None:
            self.timers.append((time.monotonic() + wait, call.leave))

    def on_ended(self, call: Call) -> None:
        call.recorder = None  # closes the file, a moment later: its header gets its length
        if call.recording is not None:
            self.closing.append((call.recording, call))
        self.ended.append(call)
        if self.lines.get(call.line) is call:
            former = call.former
            while former is not None and former.over:
                former = former.former
            if former is None:
                del self.lines[call.line]
            else:
                self.lines[call.line] = former

    # ── what we do ───────────────────────────────────────────────────────────

    def soon(self, act: Callable[[], None]) -> None:
        """Not inside a callback of pjsua2."""
        self.timers.append((time.monotonic(), act))

    def connect(self, call: Call) -> None:
        """What the phone says goes to that call, or does not."""
        sound = None if call.over else call.sound()
        if sound is None or self.tone is None:
            return
        if call.held or self.muted:
            self.tone.stopTransmit(sound)
        else:
            self.tone.startTransmit(sound)

    def reconnect(self, call: Call) -> None:
        sound = None if call.over else call.sound()
        if sound is not None and self.tone is not None and not (call.held or self.muted):
            self.tone.stopTransmit(sound)
            self.tone.startTransmit(sound)

    def mute(self, muted: bool) -> None:
        self.muted = muted
        for call in self.lines.values():
            self.connect(call)
        emit("muted" if muted else "unmuted")

    def answer(self, call: Call | None) -> None:
        if call is not None and not call.answered and not call.over:
            call.answer(status(200))

    def dial(self, uri: str, line: int) -> None:
        assert self.account is not None
        call = Call(self, self.account, line=line)
        self.lines[line] = call
        call.tell("calling", uri=uri)
        try:
            call.makeCall(uri, pj.CallOpParam(True))
        except pj.Error:
            del self.lines[line]
            raise

    def in_place_of(self, former: Call, call_id: int = pj.PJSUA_INVALID_ID) -> Call:
        """The call that the other side wants instead; if it does not come about, the line is the former's."""
        assert self.account is not None
        call = Call(self, self.account, call_id, former.line)
        call.former = former
        self.lines[former.line] = call
        return call


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
