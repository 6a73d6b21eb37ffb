"""Which script a call's conditions select. Pure: the first that fits."""

from collections.abc import Sequence

from bridge.centre.facts import Verdict
from bridge.config.scripts import ScriptSettings
from bridge.crm.cards import Card

_KNOWN = (Verdict.KNOWN, Verdict.SEVERAL)


def script_for(scripts: Sequence[ScriptSettings], card: Card, language: str) -> ScriptSettings | None:
    """``language``: of the caller's number, where the client himself has none noted."""
    client = card.client
    tier = client.tier if client is not None else ""
    spoken = (client.language if client is not None else "") or language
    known = client is not None or card.verdict in _KNOWN
    for script in scripts:
        when = script.when
        if (
            (not when.queue or card.call.queue in when.queue)
            and (not when.number or card.call.dialled in when.number)
            and (not when.tier or tier in when.tier)
            and (not when.language or spoken in when.language)
            and (when.known is None or when.known == known)
        ):
            return script
    return None
