"""Which calls become tickets by themselves."""

import pytest

from bridge.config.tickets import Policy, TicketSettings
from bridge.crm.ticketing.policy import opens

RESOLVED = TicketSettings().resolved


@pytest.mark.parametrize("over", [False, True])
@pytest.mark.parametrize("disposition", ["", "resolved", "wrong_number", "follow_up", "gone"])
@pytest.mark.parametrize("policy", list(Policy))
def test_every_case(policy: Policy, disposition: str, over: bool) -> None:
    unresolved = {"": over, "resolved": False, "wrong_number": False, "follow_up": True, "gone": True}
    wanted = {
        Policy.EVERY_CALL: True,
        Policy.ON_REQUEST: False,
        Policy.UNRESOLVED: unresolved[disposition],
    }
    assert opens(policy, disposition, RESOLVED, over=over) is wanted[policy]
