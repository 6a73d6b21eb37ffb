"""Facts as the journal and the log keep them, and back. Owns what of a fact is kept, not where.

A fact's body is its fields by name. One exception: of ``PlanLoaded`` only a digest and counts are kept. A
plan is some hundred kilobytes in a large centre and comes again with each reload, while the YAML file it is
made of has its own history in the engineer's version control; the digest says which plan was in force.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, get_args

import msgspec
import structlog

from bridge.centre.facts import Fact, PlanLoaded
from bridge.engine.ports import LoggedFact, StampedFact

log = structlog.get_logger(__name__)

_KINDS: Mapping[str, type[Fact]] = {kind.__name__: kind for kind in get_args(Fact) if kind is not PlanLoaded}
_NUL = b"\\u0000"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_told: set[str] = set()  # kinds that could not be read


def logged(run: str, stamped: StampedFact) -> LoggedFact:
    """``run`` names the process's run, within which ``seq`` is unique."""
    body = body_of(stamped.fact)
    return LoggedFact(run, stamped.seq, stamped.at, body.get("call"), type(stamped.fact).__name__, body)


def body_of(fact: Fact) -> dict[str, Any]:
    """The fact as JSON's own types, in text that every database takes."""
    if isinstance(fact, PlanLoaded):
        return _digest(fact)
    # By way of its text, for that tells at once whether anything must be cleaned. To look at each string
    # here would cost three times as much, for every fact.
    try:
        text = _encode(fact)
    except UnicodeEncodeError:
        return _cleaned(fact)
    return _cleaned(fact) if _NUL in text else _decode(text)


def fact_of(logged: LoggedFact) -> Fact | None:
    """None for a plan, of which only the digest is kept, and for what this version does not know."""
    kind = _KINDS.get(logged.type)
    if kind is None:
        if logged.type != PlanLoaded.__name__:
            _tell(logged, "this version has no such fact")
        return None
    try:
        fact: Fact = msgspec.convert(logged.body, kind)
    except msgspec.ValidationError as error:
        _tell(logged, str(error))
        return None
    return fact


def _tell(logged: LoggedFact, why: str) -> None:
    """Once for each kind: another version may have left many of them."""
    if logged.type in _told:
        return
    _told.add(logged.type)
    log.warning(
        "facts of this kind cannot be read, and are passed over",
        action="logged.unknown",
        fact=logged.type,
        run=logged.run,
        seq=logged.seq,
        reason=why,
    )


def _digest(loaded: PlanLoaded) -> dict[str, Any]:
    plan = loaded.plan
    return {
        "digest": hashlib.sha256(msgspec.json.encode(plan, order="deterministic")).hexdigest(),
        "numbers": len(plan.numbers),
        "menus": len(plan.menus),
        "queues": len(plan.queues),
        "agents": len(plan.agents),
    }


def _cleaned(fact: Fact) -> dict[str, Any]:
    """PostgreSQL refuses NUL, and no UTF-8 has lone surrogates. A caller's name may hold either."""
    body: dict[str, Any] = _clean(msgspec.to_builtins(fact))
    return body


def _clean(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\0", "").encode("utf-8", "replace").decode()
        case dict():
            return {key: _clean(item) for key, item in value.items()}
        case list() | tuple():
            return [_clean(item) for item in value]
        case _:
            return value
