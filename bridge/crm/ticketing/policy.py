"""Which calls become tickets by themselves. A ticket that is there stays, whatever is said later."""

from collections.abc import Collection

from bridge.config.tickets import Policy


def opens(policy: Policy, disposition: str, resolved: Collection[str], *, over: bool) -> bool:
    """Whether a call has its ticket by itself, as far as is known of it now.

    ``disposition``: how it ended, in its agent's word, "" while he said nothing. ``over``: nothing more will
    be said of it: it has ended, and its agent's wrap-up with it. Of a call that nobody says anything about a
    ticket is opened then: no request is lost because somebody forgot a key.
    """
    match policy:
        case Policy.EVERY_CALL:
            return True
        case Policy.ON_REQUEST:
            return False
        case Policy.UNRESOLVED:
            return disposition not in resolved if disposition else over
