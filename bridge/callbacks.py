"""The parts that tell CRMs of calls, put together: who is told, and the outbox."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from bridge.centre.plan import Plan
from bridge.config import Secrets, Settings
from bridge.crm.addresses import Allowed
from bridge.crm.delivery import Limits, SteerWish
from bridge.crm.outbox import Outbox, no_steering
from bridge.crm.outside import Outside
from bridge.crm.subscribers import Subscribers
from bridge.store import Store


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


def callbacks_of(
    settings: Callable[[], Settings],
    secrets: Secrets,
    store: Store,
    outside: Outside,
    plan: Callable[[], Plan],
    steer: SteerWish = no_steering,
) -> Callbacks:
    """``settings`` as they are by now: they can be loaded anew."""
    subscribers = subscribers_of(settings, secrets, store)

    def limits() -> Limits:
        said = settings().callbacks
        return Limits(said.timeout_seconds, timedelta(seconds=said.steer_seconds))

    outbox = Outbox(
        store,
        subscribers,
        outside,
        plan=plan,
        region_of_trunk=lambda trunk: settings().region_of_trunk(trunk),
        public_url=settings().web.public_url,
        limits=limits,
        at_once=lambda: settings().callbacks.at_once,
        at_once_in_all=settings().callbacks.at_once_in_all,
        keep=lambda: settings().callbacks.keep,
        steer=steer,
        random=random.random,
    )
    subscribers.changed = outbox.look
    return Callbacks(subscribers, outbox)
