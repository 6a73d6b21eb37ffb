"""The rights matrix as far as a person meets it in the API: he reads, and is told what he may do."""

import pytest

from bridge.config.rights import Action, Role
from bridge.crm.ticketing.rights import Rights
from tests.integration.web.web_house import API, HASH, House, get
from tests.unit.crm.ticketing.test_rights import PEOPLE, SETTINGS

RIGHTS = Rights(SETTINGS)


@pytest.mark.parametrize("department", list(PEOPLE))
async def test_every_cell_that_can_be_read(house: House, department: str) -> None:
    house.settings = SETTINGS
    token = await house.token("tickets:write", "tickets:read")
    client = await house.visitor()
    answer = await client.post(
        f"{API}/tickets", json={"subject": "It burns", "department": department}, headers=token
    )
    id = (await answer.json())["id"]
    for role, who in PEOPLE[department].items():
        login = f"{role.value}-{department}"
        async with house.store.unit() as unit:
            kind = "supervisor" if who.supervisor else "agent"
            await unit.users.add(login, HASH, kind, who.agent, "en")
        person = await house.sign_in(login)
        allowed = RIGHTS.of_role(role, department)
        in_order = [action.value for action in Action if action in allowed]
        listed = [one["id"] for one in (await get(person, "/tickets", {}))["items"]]
        assert listed == ([id] if Action.READ in allowed else []), role
        told = {one["name"]: one["may"] for one in (await get(person, "/departments", {}))["items"]}
        assert told[department] == in_order, role
        for path in ("", "/entries", "/changes", "/attachments"):
            answer = await person.get(f"{API}/tickets/{id}{path}")
            assert answer.status == (200 if Action.READ in allowed else 403), (role, path)
        if Action.READ in allowed:
            assert (await get(person, f"/tickets/{id}", {}))["may"] == in_order, role
        exported = await person.get(f"{API}/tickets.csv")
        rows = (await exported.text()).splitlines()[1:] if exported.status == 200 else []
        assert [row.split(",")[0] for row in rows] == ([str(id)] if Action.EXPORT in allowed else []), role
        answer = await person.patch(f"{API}/tickets/{id}", json={"subject": "x"})
        assert answer.status == 403, "a session changes nothing by the API"


def test_every_role_is_tried() -> None:
    assert {role for people in PEOPLE.values() for role in people} == set(Role)
