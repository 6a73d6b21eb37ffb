"""Owns the operations of receivers of call events; part of the table in ``routes``."""

from bridge.web.access import SUPERVISORS
from bridge.web.api import callback_models, callbacks, models
from bridge.web.api.operations import Operation

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/subscriptions",
        callbacks.list_subscriptions,
        "callbacks:read",
        "Receivers of call events",
        models.Listed[callback_models.Subscription],
        roles=SUPERVISORS,
    ),
    Operation(
        "POST",
        "/subscriptions",
        callbacks.add_subscription,
        "callbacks:write",
        "Tell a receiver of calls from now on",
        callback_models.MadeSubscription,
        body=callback_models.NewSubscription,
        status=201,
        roles=frozenset(),
    ),
    Operation(
        "PATCH",
        "/subscriptions/{id}",
        callbacks.change_subscription,
        "callbacks:write",
        "Change a receiver, switch it on or off, or give it a new secret",
        callback_models.MadeSubscription,
        body=callback_models.ChangedSubscription,
        roles=frozenset(),
    ),
    Operation(
        "DELETE",
        "/subscriptions/{id}",
        callbacks.remove_subscription,
        "callbacks:write",
        "Remove a receiver, with all that was to be told to it",
        callback_models.Subscription,
        roles=frozenset(),
    ),
    Operation(
        "GET",
        "/callbacks",
        callbacks.list_callbacks,
        "callbacks:read",
        "What is and was told to receivers, the latest first",
        models.Listed[callback_models.Callback],
        query=callbacks.CallbacksQuery,
        roles=SUPERVISORS,
    ),
    Operation(
        "POST",
        "/callbacks/{id}/replay",
        callbacks.replay_callback,
        "callbacks:write",
        "Tell once more what is dead or was dropped",
        callback_models.Callback,
        roles=frozenset(),
        problems=frozenset({"400"}),
    ),
    Operation(
        "POST",
        "/callbacks/{id}/drop",
        callbacks.drop_callback,
        "callbacks:write",
        "Do not tell it any more",
        callback_models.Callback,
        roles=frozenset(),
        problems=frozenset({"400"}),
    ),
)
