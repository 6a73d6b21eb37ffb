"""The fault suite's short form: ten talk, five wait, one a second comes.

Real Asterisk, real SIP. What is lost is counted, nothing timed. `make chaos` is the whole of it.
"""

import pytest

from tests.chaos.lab import Chaos
from tests.chaos.load import Size
from tests.chaos.run import run, smaller
from tests.chaos.scenarios import SCENARIOS, Scenario, Stage, kill9, receiver_down_and_kill9


async def kill9_with_the_crm_and_without(stage: Stage) -> None:
    await kill9(stage)
    await receiver_down_and_kill9(stage)


SMALL = Size(talking=10, waiting=5, rate=1.0)
RUN_ON_S = 5.0
SHORT: dict[str, Scenario] = {
    "kill9": Scenario(kill9_with_the_crm_and_without, seconds=2),
    "ari_cut": smaller(SCENARIOS["ari_cut"], seconds=8),
    "ami_cut": smaller(SCENARIOS["ami_cut"], seconds=12),
    "take_over": smaller(SCENARIOS["take_over"], seconds=2),
    "sigstop_15s": smaller(SCENARIOS["sigstop_15s"], seconds=5),
    "database_stopped_60s": smaller(SCENARIOS["database_stopped_60s"], seconds=8),
    "receiver_slow": SCENARIOS["receiver_slow"],
}
LONGER = ("sigstop_15s", "database_stopped_60s", "receiver_slow")  # `make test` is to end in time


@pytest.mark.timeout(240)  # what was lost is waited for before it is called lost
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.whole] if name in LONGER else []) for name in SHORT]
)
async def test_nothing_is_lost(chaos: Chaos, name: str) -> None:
    result = await run(chaos, name, SHORT[name], SMALL, f"short {name}", run_on_s=RUN_ON_S)
    assert not result.findings, f"{result.row}; the service's log is {result.log}"
    assert all(fault["converged_s"] is not None for fault in result.faults), result.faults
