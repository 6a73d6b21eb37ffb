"""The order in which a queue's free members are asked. Penalties come first, always, but for wrandom.

Owns each strategy's rule, over keys that ``members`` keeps sorted: so a choice costs a look-up, not a search.
"""

from bisect import bisect_left
from collections.abc import Mapping
from zlib import crc32

from bridge.centre.decision import Decision, Standing
from bridge.centre.ids import AgentId, Skill
from bridge.centre.plan import Needs, Strategy

Key = tuple[int, float, int, AgentId]  # penalty, what the strategy compares, position, agent

_CHANCE = 2**32
_WORD = 2**64 - 1


def key_of(strategy: Strategy, standing: Standing) -> Key:
    match strategy:
        case Strategy.LEASTRECENT:
            compared: float = standing.idle
        case Strategy.FEWESTCALLS:
            compared = standing.calls
        case Strategy.LEASTTALK:
            compared = standing.average_talk.total_seconds()
        case _:
            compared = 0
    return (standing.penalty, compared, standing.position, standing.agent)


def choose(
    strategy: Strategy, pool: list[Key], highest_penalty: int | None, turn: int, draw: int
) -> tuple[AgentId, ...]:
    """Who of ``pool``, sorted, is asked: none, one, or for ringall all of the lowest penalty.

    ``turn`` is the position that was asked last (rrmemory); ``draw`` stands for chance, below 2**32.
    """
    if not pool or not satisfies(pool[0][0], highest_penalty):
        return ()
    if strategy is Strategy.WRANDOM:
        return (_weighted(pool, highest_penalty, draw),)
    lowest = pool[0][0]
    match strategy:
        case Strategy.RINGALL:
            return tuple(key[3] for key in pool[: _end_of(pool, lowest)])
        case Strategy.RANDOM:
            return (pool[draw % _end_of(pool, lowest)][3],)
        case Strategy.RRMEMORY:
            after = bisect_left(pool, (lowest, 0, turn + 1))
            return (pool[after if after < _end_of(pool, lowest) else 0][3],)
        case _:
            return (pool[0][3],)


def _end_of(pool: list[Key], penalty: int) -> int:
    return bisect_left(pool, (penalty + 1,))


def _weighted(pool: list[Key], highest_penalty: int | None, draw: int) -> AgentId:
    """As app_queue's wrandom: each draws from 0 to (penalty + 1) · 1000, and the lowest is asked.

    The lowest of n such draws is drawn at once for all members of one penalty, so that chance costs by
    penalties, not by members.
    """
    best, chosen = float("inf"), pool[0][3]
    begin = 0
    while begin < len(pool) and satisfies(pool[begin][0], highest_penalty):
        penalty = pool[begin][0]
        end = _end_of(pool, penalty)
        chance = _mixed(draw + (penalty + 1) * _CHANCE) / _CHANCE
        lowest = (penalty + 1) * (1 - (1 - chance) ** (1 / (end - begin)))
        if lowest < best:
            best, chosen = lowest, pool[begin + draw % (end - begin)][3]
        begin = end
    return chosen


def draw_for(strategy: Strategy, call: str, attempt: int) -> int:
    """What stands for chance: the same for the same call and attempt, so that a replay draws the same."""
    if strategy is Strategy.RANDOM or strategy is Strategy.WRANDOM:
        return _mixed(crc32(f"{attempt}/{call}".encode()))
    return 0


def _mixed(value: int) -> int:
    """SplitMix64's last steps. A CRC alone is linear: inputs that differ in a byte differ by a constant."""
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & _WORD
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & _WORD
    return (value ^ (value >> 31)) & 0xFFFFFFFF


# ── who may be asked at all ──────────────────────────────────────────────────


def satisfies(penalty: int, highest_penalty: int | None) -> bool:
    return highest_penalty is None or penalty <= highest_penalty


def qualifies(skills: Mapping[Skill, int], needs: Needs) -> bool:
    # A loop: this is asked for each kind of caller, and all() of a generator costs three times as much.
    for skill, level in needs:  # noqa: SIM110
        if skills.get(skill, 0) < level:
            return False
    return True


def joined(*needs: Needs) -> Needs:
    """What satisfies all of them: of each skill the highest level."""
    given = [some for some in needs if some]
    if len(given) < 2:
        return given[0] if given else ()
    highest: dict[str, int] = {}
    for skill, level in (pair for some in needs for pair in some):
        highest[skill] = max(level, highest.get(skill, 0))
    return tuple(sorted(highest.items()))  # type: ignore[arg-type]


def lowered(needs: Needs, by: int) -> Needs:
    return tuple((skill, level - by) for skill, level in needs if level > by) if by else needs


# ── in words ─────────────────────────────────────────────────────────────────


def metric(decision: Decision, standing: Standing) -> tuple[Key, str]:
    """By what he was compared, as a sortable key and for people."""
    strategy = decision.strategy
    key = key_of(strategy, standing)
    match strategy:
        case Strategy.LEASTRECENT:
            since = standing.idle_since
            words = f"idle since {since:%H:%M:%S}" if since is not None else "no call yet"
        case Strategy.FEWESTCALLS:
            words = f"{standing.calls} calls"
        case Strategy.LEASTTALK:
            words = f"{standing.average_talk.total_seconds():.0f} s on average in {standing.calls} calls"
        case Strategy.RRMEMORY:
            # Those after the last turn come first, then those before it.
            passed = standing.position <= decision.turn
            key = (standing.penalty, passed, standing.position, standing.agent)
            words = f"place {standing.position + 1}, last turn {decision.turn + 1}"
        case Strategy.RANDOM | Strategy.WRANDOM:
            words = "drawn" if standing.agent in decision.chosen else "not drawn"
        case Strategy.LINEAR | Strategy.RINGALL:
            words = f"place {standing.position + 1}"
    return key, f"penalty {standing.penalty}, {words}" if standing.penalty else words
