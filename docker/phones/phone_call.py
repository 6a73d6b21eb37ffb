"""One call of a phone, and the account that it goes by: what pjsua2 calls back, told as events.

Which line a call is on, what it says and what is recorded of it is the phone's (phone.py).
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pjsua2 as pj
from phone_events import emit
from sip_headers import headers_of

if TYPE_CHECKING:
    from phone import Phone

CHALLENGES = (401, 407)
# pjsua tells as a transfer's status also that the REFER was accepted, in these words, or why it was not.
ACCEPTED = (100, "Accepted")


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
    def __init__(
        self, phone: "Phone", account: Account, call_id: int = pj.PJSUA_INVALID_ID, line: int = 1
    ) -> None:
        super().__init__(account, call_id)
        self.phone = phone
        self.line = line
        self.former: Call | None = None  # whose line it took, as the other side asked for it
        self.answered = False
        self.over = False
        self.cancelled = False
        self.heard = False
        self.held = False  # by us; the phone says nothing to it
        self.asked: dict[str, str] = {}  # by method: what is told once the other side has answered it
        self.challenged: set[str] = set()
        self.refused = False  # our last REFER, by its answer
        self.stay = False  # after a transfer; otherwise we hang up, as desk phones do
        self.recorder: pj.AudioMediaRecorder | None = None
        self.recording: Path | None = None

    def tell(self, event: str, **fields: Any) -> None:
        emit(event, line=self.line, **fields)

    # ── what happens ─────────────────────────────────────────────────────────

    def onCallState(self, prm: pj.OnCallStateParam) -> None:
        info = self.getInfo()
        sip_call_id = info.callIdString
        if info.state == pj.PJSIP_INV_STATE_EARLY and info.role == pj.PJSIP_ROLE_UAC:
            self.tell("ringing", sip_call_id=sip_call_id, code=info.lastStatusCode)
        elif info.state == pj.PJSIP_INV_STATE_CONFIRMED and not self.answered:
            self.answered = True
            self.tell("answered", sip_call_id=sip_call_id)
            self.phone.on_answered(self)
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.over = True
            self.tell("ended", sip_call_id=sip_call_id, code=info.lastStatusCode, reason=info.lastReason)
            self.phone.on_ended(self)

    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:
        # After each re-INVITE that changed something pjsua has a new port, which nothing is connected to.
        sound = self.sound()
        if sound is not None:
            self.phone.on_sound(self, sound)

    def sound(self) -> pj.AudioMedia | None:
        """What it says and hears, if it can do either now."""
        there = (
            pj.PJSUA_CALL_MEDIA_ACTIVE,
            pj.PJSUA_CALL_MEDIA_LOCAL_HOLD,
            pj.PJSUA_CALL_MEDIA_REMOTE_HOLD,
        )
        # The media vector belongs to the CallInfo: without this name it is freed while it is read.
        info = self.getInfo()
        for media in info.media:
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status in there:
                return self.getAudioMedia(media.index)
        return None

    def onCallTsxState(self, prm: pj.OnCallTsxStateParam) -> None:
        state = prm.e.body.tsxState
        method = state.tsx.method
        if method == "CANCEL" and state.type == pj.PJSIP_EVENT_RX_MSG and not self.cancelled:
            self.on_cancel(headers_of(state.src.rdata.wholeMsg))
        elif method in self.asked and is_final(state):
            self.on_reply(method, state.tsx)

    def on_cancel(self, headers: dict[str, str]) -> None:
        self.cancelled = True
        reason = headers.get("reason", "")
        cause = re.search(r"cause=(\d+)", reason)
        self.tell(
            "cancelled",
            sip_call_id=headers.get("call-id", headers.get("i", "")),
            reason=reason,
            cause=int(cause[1]) if cause else None,
        )

    def on_reply(self, method: str, reply: pj.SipTransaction) -> None:
        """Our re-INVITE or REFER is answered. To a challenge pjsip replies by itself, once."""
        code = reply.statusCode
        if code in CHALLENGES and method not in self.challenged:
            self.challenged.add(method)
            return
        event = self.asked.pop(method)
        if event == "refer_answered":
            self.refused = code >= 300
            self.tell(event, code=code, reason=reply.statusText)
        elif code < 300:
            self.held = event == "held"
            self.phone.connect(self)
            self.tell(event)
        else:
            self.held = event == "unheld"
            self.phone.connect(self)
            self.tell("hold_failed", wanted=event, code=code, reason=reply.statusText)

    def onDtmfDigit(self, prm: pj.OnDtmfDigitParam) -> None:
        self.tell("digit", digit=prm.digit)

    def onCallTransferStatus(self, prm: pj.OnCallTransferStatusParam) -> None:
        if self.refused or (prm.statusCode, prm.reason) == ACCEPTED:
            return
        self.tell("refer_status", code=prm.statusCode, reason=prm.reason, final=bool(prm.finalNotify))
        if prm.finalNotify and 200 <= prm.statusCode < 300 and not self.stay:
            self.phone.soon(self.leave)

    def onCallTransferRequest(self, prm: pj.OnCallTransferRequestParam) -> None:
        self.tell("referred", to=prm.dstUri)
        prm.newCall = self.phone.in_place_of(self)

    def onCallReplaced(self, prm: pj.OnCallReplacedParam) -> None:
        self.tell("replaced")
        prm.newCall = self.phone.in_place_of(self, prm.newCallId)

    # ── what we do ───────────────────────────────────────────────────────────

    def leave(self, code: int = 0) -> None:
        if not self.over:
            self.hangup(status(code))

    def leave_all(self) -> None:
        """This call, and those whose line it took."""
        self.leave()
        if self.former is not None:
            self.former.leave_all()

    def ask(self, method: str, event: str) -> None:
        if method in self.asked:
            raise ValueError(f"line {self.line} still waits for the answer to its {method}")
        self.asked[method] = event
        self.challenged.discard(method)

    def hold(self) -> None:
        """Nothing more is said at once, as with the key of a desk phone, not only when it is agreed."""
        self.ask("INVITE", "held")
        try:
            self.setHold(pj.CallOpParam(True))
        except pj.Error:
            del self.asked["INVITE"]
            raise
        self.held = True
        self.phone.connect(self)

    def unhold(self) -> None:
        self.ask("INVITE", "unheld")
        parameters = pj.CallOpParam(True)
        parameters.opt.flag = pj.PJSUA_CALL_UNHOLD
        try:
            self.reinvite(parameters)
        except pj.Error:
            del self.asked["INVITE"]
            raise

    def refer(self, to: "str | Call", stay: bool) -> None:
        """Blind to an address, attended to another call of ours (RFC 3515, RFC 3891)."""
        self.ask("REFER", "refer_answered")
        self.stay = stay
        try:
            if isinstance(to, Call):
                self.xferReplaces(to, pj.CallOpParam(True))
            else:
                self.xfer(to, pj.CallOpParam(True))
        except pj.Error:
            del self.asked["REFER"]
            raise


def is_final(state: pj.TsxStateEvent) -> bool:
    """Whether just now a request of ours is answered, or given up."""
    # Once completed, a transaction stays for 5 s: its end is no news, least of all of the next one.
    news = state.prevState < pj.PJSIP_TSX_STATE_COMPLETED
    return bool(news and state.tsx.role == pj.PJSIP_ROLE_UAC and state.tsx.statusCode >= 200)


def status(code: int) -> pj.CallOpParam:
    parameters = pj.CallOpParam()
    parameters.statusCode = code
    return parameters
