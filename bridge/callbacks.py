"""The parts that tell CRMs of calls, put together: who is told, the outbox, what becomes of their wishes."""

import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from bridge.centre.facts import CallSteered, Fact
from bridge.centre.ids import CallId
from bridge.centre.plan import Plan, Target, TargetKind
from bridge.centre.wish_facts import Refusal
from bridge.config import Secrets, Settings
from bridge.crm import numbers
from bridge.crm.addresses import Allowed
from bridge.crm.delivery import Limits, ReadRecording, SteerWish
from bridge.crm.formats import Dial, Reject, Steer, ToQueue
from bridge.crm.numbers import NumberKind
from bridge.crm.outbox import Outbox
from bridge.crm.outside import Outside
from bridge.crm.private import in_thread
from bridge.crm.subscribers import Subscribers
from bridge.crm.vault import Vault
from bridge.errors import BadInput
from bridge.store import Store

log = structlog.get_logger(__name__)

_MOST_SOUND = 64 * 1024 * 1024  # bytes of a recording that is sent, in memory


@dataclass(frozen=True, slots=True)
class Callbacks:
    subscribers: Subscribers
    outbox: Outbox


def subscribers_of(settings: Callable[[], Settings], secrets: Secrets, store: Store) -> Subscribers:
    return Subscribers(
        store,
        secrets.callback_key,
        public_url=settings().web.public_url,
        allowed=lambda: allowed_by(settings()),
    )


def allowed_by(settings: Settings) -> Allowed:
    return Allowed.of(settings.outside.allow)


def steering(put: Callable[[Fact], None], plan: Callable[[], Plan], region: Callable[[], str]) -> SteerWish:
    """What a receiver wishes, as a fact. Whether the call may still be steered so is the centre's to say."""

    def steer(call: CallId, wish: Steer, by: str) -> None:
        match wish:
            case Reject(reason):
                put(CallSteered(call, by, refusal=Refusal(reason)))
            case ToQueue(queue):
                put(CallSteered(call, by, Target(TargetKind.QUEUE, queue)))
            case Dial(number, caller_id):
                if caller_id:
                    log.info(
                        "a receiver names the number to be shown: it stays as it is",
                        action="callback.steer",
                        call_id=call,
                        receiver=by,
                        caller_id=caller_id,
                        remedy="see trunks.NAME.caller_id",
                    )
                target = _target(number, plan(), region())
                if target is None:
                    log.warning(
                        "a receiver wishes a number that no agent may call",
                        action="callback.steer",
                        call_id=call,
                        receiver=by,
                        number=number,
                        remedy="see transfers.prefixes",
                    )
                else:
                    put(CallSteered(call, by, target))

    return steer


def _target(number: str, plan: Plan, region: str) -> Target | None:
    """An agent, a queue's extension, one of the company's numbers, or a number that agents may call."""
    found = plan.target_of(number)
    if found is not None and found.kind is not TargetKind.NUMBER:
        return found
    read = numbers.read(number, region)
    if read.kind is NumberKind.EMERGENCY or read.e164 is None:
        return None
    return plan.target_of(read.e164)


def reader_of(store: Store, vault: Vault) -> ReadRecording:
    async def read(recording: str) -> bytes:
        """For a receiver that wants the sound itself, whole and decrypted."""
        row = await store.read(lambda unit: unit.recordings.get(recording))
        if row is None or row.state != "attached" or row.removed_at is not None:
            raise BadInput(f"recording {recording}: it is not there, or not any more")
        if row.bytes > _MOST_SOUND:
            raise BadInput(f"recording {recording}: {row.bytes} bytes are too many to be sent")
        sound = io.BytesIO()
        try:
            await in_thread(lambda called_off: vault.copy(row.file, sound, called_off))
        except OSError as error:
            raise BadInput(f"recording {recording}: {error.strerror or error}") from error
        return sound.getvalue()

    return read


def callbacks_of(
    settings: Callable[[], Settings],
    secrets: Secrets,
    store: Store,
    vault: Vault,
    outside: Outside,
    plan: Callable[[], Plan],
    put: Callable[[Fact], None],
) -> Callbacks:
    """``settings`` as they are by now: they can be loaded anew. ``put``: where a receiver's wish goes."""
    steer = steering(put, plan, lambda: settings().company.region)
    subscribers = subscribers_of(settings, secrets, store)

    def limits() -> Limits:
        said = settings().callbacks
        return Limits(said.timeout_seconds, timedelta(seconds=said.steer_seconds))

    def email_of(agent: str) -> str:
        known = settings().agents.get(agent)
        return known.email or "" if known is not None else ""

    outbox = Outbox(
        store,
        subscribers,
        outside,
        plan=plan,
        region_of_trunk=lambda trunk: settings().region_of_trunk(trunk),
        email_of=email_of,
        public_url=settings().web.public_url,
        limits=limits,
        at_once=lambda: settings().callbacks.at_once,
        at_once_in_all=settings().callbacks.at_once_in_all,
        keep=lambda: settings().callbacks.keep,
        steer=steer,
        recording=reader_of(store, vault),
        random=random.random,
    )
    subscribers.changed = outbox.look
    return Callbacks(subscribers, outbox)
