"""A process with a few SIP accounts on pjsua2; ``phones`` starts it, and speaks with it in JSON lines.

pjsua2 has room for four calls in a process, so every desk phone has one of its own. It decides nothing but
what a phone must do at once: to ring, to be busy or moved, and to hang up what it has handed over.

    in    {"do": "account", "phone": "1001", "name": "Agent 1001", "registers": true}
          {"do": "becomes", "phone": "1001", "busy": false, "moved_to": null}
          {"do": "dial", "phone": "1001", "call": "7", "number": "1002"}
          {"do": "answer" | "hold" | "back", "call": "7"}  {"do": "end", "call": "7", "code": 486}
          {"do": "moves", "call": "7", "number": "1003"}  {"do": "press", "call": "7", "digits": "##"}
          {"do": "refer", "call": "7", "uri": "sip:…"}  {"do": "refer_to", "call": "7", "other": "8"}
    out   {"event": "registered" | "became", "phone": "1001"}
          {"event": "incoming", "phone": "1001", "call": "in-1"}
          {"event": "state", "call": "7", "state": "calling" | "ringing" | "up" | "ended"}
          {"event": "held", "call": "7", "held": true}  {"event": "error", "reason": "…"}
"""

import json
import os
import select
import sys
from typing import Any

import pjsua2 as pj

POLL_MS = 5
STATES = {
    pj.PJSIP_INV_STATE_CALLING: "calling",
    pj.PJSIP_INV_STATE_EARLY: "ringing",
    pj.PJSIP_INV_STATE_CONFIRMED: "up",
    pj.PJSIP_INV_STATE_DISCONNECTED: "ended",
}
# pjlib greets on stdout before its log can be configured: main() sends that to stderr.
EVENTS = os.dup(1)


def emit(event: str, **fields: object) -> None:
    os.write(EVENTS, json.dumps({"event": event, **fields}).encode() + b"\n")


def status(code: int) -> Any:
    parameters = pj.CallOpParam()
    parameters.statusCode = code
    return parameters


class Account(pj.Account):  # type: ignore[misc]  # pjsua2 has no types
    def __init__(self, process: "Process", number: str, name: str, registers: bool) -> None:
        super().__init__()
        self.process, self.number = process, number
        self.busy = False
        self.moved_to: str | None = None
        config = pj.AccountConfig()
        uri = process.uri(number)
        config.idUri = f'"{name}" <{uri}>' if name else uri
        if registers:
            config.regConfig.registrarUri = f"sip:{process.server}"
        config.natConfig.contactRewriteUse = 0
        self.create(config)

    def onRegState(self, prm: Any) -> None:
        if prm.code == 200:
            emit("registered", phone=self.number)

    def onIncomingCall(self, prm: Any) -> None:
        call = Call(self, self.process.next_name(), prm.callId)
        if self.busy:
            call.answer(status(486))
        elif self.moved_to is not None:
            call.moves(self.moved_to)
        else:
            call.answer(status(180))
            emit("incoming", phone=self.number, call=call.name)


class Call(pj.Call):  # type: ignore[misc]  # pjsua2 has no types
    def __init__(self, account: Account, name: str, call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(account, call_id)
        self.account, self.name = account, name
        self.handed_over = False
        account.process.calls[name] = self

    def moves(self, number: str) -> None:
        parameters = status(302)
        contact = pj.SipHeader()
        contact.hName, contact.hValue = "Contact", f"<{self.account.process.uri(number)}>"
        parameters.txOption.headers.append(contact)
        self.answer(parameters)

    def onCallState(self, prm: Any) -> None:
        state = STATES.get(self.getInfo().state)
        if state is not None:
            emit("state", call=self.name, state=state)
        if state == "ended":
            self.account.process.over.append(self.name)

    def onCallMediaState(self, prm: Any) -> None:
        info = self.getInfo()
        held = any(media.status == pj.PJSUA_CALL_MEDIA_LOCAL_HOLD for media in info.media)
        emit("held", call=self.name, held=held)
        for media in info.media:
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                # Nothing is said, but it is sent: digits need a stream (RFC 4733).
                silence = self.account.process.endpoint.audDevManager().getCaptureDevMedia()
                silence.startTransmit(self.getAudioMedia(media.index))

    def onCallTransferStatus(self, prm: Any) -> None:
        # RFC 3515: once it is told that the transfer has succeeded, a desk phone leaves.
        self.handed_over = self.handed_over or prm.statusCode // 100 == 2


class Process:
    def __init__(self, server: str) -> None:
        self.server = server
        self.accounts: dict[str, Account] = {}
        self.calls: dict[str, Call] = {}
        # pjsua2 frees a call's C++ object with its Python one: never inside its own callback.
        self.over: list[str] = []
        self.pending = b""
        self.named = 0
        self.endpoint = pj.Endpoint()

    def uri(self, number: str) -> str:
        return f"sip:{number}@{self.server}"

    def next_name(self) -> str:
        self.named += 1
        return f"in-{os.getpid()}-{self.named}"

    def start(self) -> None:
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.uaConfig.userAgent = "callbridge-replay-phone"
        config.logConfig.level = 1
        config.logConfig.consoleLevel = 0
        config.logConfig.msgLogging = 0
        config.medConfig.noVad = True
        config.medConfig.sndAutoCloseTime = -1
        config.medConfig.clockRate = 8000
        config.medConfig.sndClockRate = 8000
        config.medConfig.ecTailLen = 0
        self.endpoint.libCreate()
        self.endpoint.libInit(config)
        self.endpoint.audDevManager().setNullDev()
        self.endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, pj.TransportConfig())
        self.endpoint.libStart()
        for codec in self.endpoint.codecEnum2():
            self.endpoint.codecSetPriority(codec.codecId, 255 if codec.codecId == "PCMA/8000/1" else 0)

    def run(self) -> None:
        while self.read():
            self.endpoint.libHandleEvents(POLL_MS)
            for call in self.calls.values():
                if call.handed_over and call.name not in self.over:
                    call.handed_over = False
                    call.hangup(status(0))
            for name in self.over:
                self.calls.pop(name, None)
            self.over.clear()

    def stop(self) -> None:
        for call in self.calls.values():
            call.hangup(status(0))
        for account in self.accounts.values():
            account.shutdown()
        for _ in range(40):
            self.endpoint.libHandleEvents(POLL_MS)
        self.calls.clear()
        self.accounts.clear()
        self.endpoint.libDestroy()

    def read(self) -> bool:
        """False at the end of stdin."""
        if not select.select([0], [], [], 0)[0]:
            return True
        chunk = os.read(0, 65536)
        *lines, self.pending = (self.pending + chunk).split(b"\n")
        for line in lines:
            try:
                self.obey(json.loads(line))
            except pj.Error as error:
                emit("error", reason=f"{line.decode()}: {error.info()}")
            except KeyError as error:
                if b'"end"' not in line:  # what is over already has ended
                    emit("error", reason=f"{line.decode()}: {error} is over")
        return bool(chunk)

    def obey(self, order: dict[str, Any]) -> None:
        match order["do"]:
            case "account":
                number = order["phone"]
                self.accounts[number] = Account(self, number, order["name"], order["registers"])
            case "becomes":
                account = self.accounts[order["phone"]]
                account.busy, account.moved_to = order["busy"], order["moved_to"]
                emit("became", phone=account.number)
            case "dial":
                call = Call(self.accounts[order["phone"]], order["call"])
                call.makeCall(self.uri(order["number"]), pj.CallOpParam(True))
            case kind:
                self.in_a_call(kind, self.calls[order["call"]], order)

    def in_a_call(self, kind: str, call: Call, order: dict[str, Any]) -> None:
        match kind:
            case "answer":
                call.answer(status(200))
            case "end":
                call.hangup(status(order["code"]))
            case "moves":
                call.moves(order["number"])
            case "hold":
                call.setHold(pj.CallOpParam(True))
            case "back":
                parameters = pj.CallOpParam(True)
                parameters.opt.flag = pj.PJSUA_CALL_UNHOLD
                call.reinvite(parameters)
            case "press":
                call.dialDtmf(order["digits"])
            case "refer":
                call.xfer(order["uri"], pj.CallOpParam(True))
            case "refer_to":
                call.xferReplaces(self.calls[order["other"]], pj.CallOpParam(True))
            case _:
                raise ValueError(f"{kind!r} is no order")


def main() -> int:
    process = Process(sys.argv[1])
    os.dup2(2, 1)
    process.start()
    try:
        process.run()
    finally:
        process.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
