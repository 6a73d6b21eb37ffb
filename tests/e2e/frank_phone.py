"""A phone that conceals nothing: docker/phones/phone.py, but sound that does not come is silence at once.

Otherwise pjlib goes on with what it heard last for some 60 ms, and a gap of that length would not be heard.
It takes the processor before others do; and as even so it comes too late now and then, it can call an echo
beside its call, from the same clock: what is missing there too was lost by the phone, or by the machine.

    in    {"do": "echo", "uri": "sip:+74950000009@127.0.0.1:5060", "as": "sip:+79031234567@127.0.0.1:5060"}
          {"do": "silence", "seconds": 0.2}    in its call, not in the echo
    out   {"event": "echo_answered" | "echo_media" | "echo_recorded", …}    recorded until its call ends
          {"event": "stood_still", "seconds": s, …}    so long it did nothing, until now

Not a test: a program of its own, as the phone is.
"""

import contextlib
import os
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docker" / "phones"))

import phone
import pjsua2 as pj

STOOD_STILL_S = 0.04  # otherwise a turn of its loop takes 10 ms


class EchoCall(phone.Call):
    """It says and records what the phone does, and tells as little as possible."""

    def __init__(self, frank: "FrankPhone", account: phone.Account, file: Path) -> None:
        super().__init__(frank, account)
        self.frank, self.file = frank, file

    def onCallState(self, prm: pj.OnCallStateParam) -> None:
        state = self.getInfo().state
        if state == pj.PJSIP_INV_STATE_CONFIRMED and not self.answered:
            self.answered = True
            phone.emit("echo_answered")
        elif state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.recorder = None  # closes the file
            self.frank.on_echo_ended(self)

    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:
        self.getInfo()
        sound = self.getAudioMedia(-1)
        if self.frank.tone is not None:
            self.frank.tone.startTransmit(sound)
        if self.recorder is None:
            self.recorder = pj.AudioMediaRecorder()
            self.recorder.createRecorder(str(self.file))
            phone.emit("echo_media")
        sound.startTransmit(self.recorder)


class FrankPhone(phone.Phone):
    echo: EchoCall | None = None
    echo_closing: Path | None = None

    def start(self) -> None:
        super().start()
        for codec in self.endpoint.codecEnum2():
            parameters = self.endpoint.codecGetParam(codec.codecId)
            parameters.setting.plc = False
            self.endpoint.codecSetParam(codec.codecId, parameters)

    def turn(self) -> None:
        begin = time.monotonic()
        super().turn()
        took = time.monotonic() - begin
        if took > STOOD_STILL_S:
            phone.emit("stood_still", seconds=took)

    def carry_out(self, command: dict[str, Any]) -> None:
        match command["do"]:
            case "echo" if self.options.record is not None:
                file = self.options.record.with_stem(f"{self.options.record.stem}-echo")
                self.call_echo(str(command["uri"]), str(command["as"]), file)
            case "silence":
                self.be_silent(float(command["seconds"]))
            case _:
                super().carry_out(command)

    def call_echo(self, uri: str, stranger: str, file: Path) -> None:
        """By the trunk, for an agent who talks with the echo would be engaged."""
        config = self.account_config()
        config.idUri = stranger
        config.regConfig.registrarUri = ""
        config.sipConfig.authCreds.clear()
        self.stranger = phone.Account(self)
        self.stranger.create(config)
        self.echo = EchoCall(self, self.stranger, file)
        self.echo.makeCall(uri, pj.CallOpParam(True))

    def be_silent(self, seconds: float) -> None:
        assert self.call is not None
        assert self.tone is not None
        tone, sound = self.tone, self.call.getAudioMedia(-1)
        tone.stopTransmit(sound)
        self.timers.append((time.monotonic() + seconds, lambda: tone.startTransmit(sound)))

    def on_ended(self, call: phone.Call) -> None:
        super().on_ended(call)
        if self.echo is not None:
            self.echo.hangup(self.status(0))

    def on_echo_ended(self, call: EchoCall) -> None:
        self.ended.append(call)
        self.echo, self.echo_closing = None, call.file

    def tell_recorded(self) -> None:
        super().tell_recorded()
        if self.echo_closing is not None and phone.is_whole(self.echo_closing):
            phone.emit("echo_recorded", file=str(self.echo_closing))
            self.echo_closing = None

    def stop(self) -> None:
        if self.echo is not None:
            self.echo.hangup(self.status(0))
        self.turn_until(lambda: self.echo is None)
        super().stop()


if __name__ == "__main__":
    with contextlib.suppress(PermissionError):  # not everybody may
        os.nice(-10)
    phone.Phone = FrankPhone
    sys.exit(phone.main())
