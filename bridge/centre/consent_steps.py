"""A caller who is told that he will be recorded, before anybody can talk with him. One function a step."""

from datetime import timedelta

from bridge.centre.call import Call, Moment
from bridge.centre.call_acts import say
from bridge.centre.call_ways import after_consent
from bridge.centre.consent import announced
from bridge.centre.facts import PromptEnded, Timer, TimerFired, TimerKind
from bridge.centre.orders import NOT_ANNOUNCED, NoteAudit, StartTimer

# Of who hangs up Asterisk tells first that his prompt could not be played on, then that he is gone.
_HANGS_UP = timedelta(seconds=0.3)


def prompt_ended(call: Call, event: PromptEnded, at: Moment) -> None:
    consent = call.consent
    if consent is None or event.prompt != call.prompt:
        return
    call.prompt = None
    if not event.played:
        at.out.orders.append(StartTimer(Timer(TimerKind.CONSENT, call.id), _HANGS_UP))
        return
    consent.said += 1
    if consent.said < len(consent.sounds):
        say(call, consent.sounds[consent.said : consent.said + 1], at)
    else:
        announced(call, heard=True)
        after_consent(call, at)


def timer(call: Call, event: TimerFired, at: Moment) -> None:
    """He is still there, so it is the sound that fails: he goes on all the same, and is not recorded."""
    consent = call.consent
    if consent is None or event.timer.kind is not TimerKind.CONSENT or call.prompt is not None:
        return
    whose = f"queue {consent.queue}" if consent.queue is not None else f"number {call.dialled}"
    sound = consent.sounds[consent.said]
    at.out.orders.append(NoteAudit(call.id, at.now, "callbridge", NOT_ANNOUNCED, whose, sound))
    announced(call, heard=False)
    after_consent(call, at)
