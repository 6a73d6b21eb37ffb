"""Agents, users, sessions and tokens on both databases."""

from datetime import UTC, datetime, timedelta

import pytest

from bridge.centre.ids import AgentId, Endpoint
from bridge.centre.plan import Agent
from bridge.errors import BadInput
from bridge.store import Store


def agent(id: str, name: str = "Name") -> Agent:
    return Agent(AgentId(id), name, Endpoint(f"PJSIP/{id}"), "ru")


async def test_agents_are_exactly_the_plans(store: Store) -> None:
    async with store.unit() as unit:
        await unit.agents.sync([agent("1001"), agent("1002")])
        await unit.agents.sync([agent("1003"), agent("1002", "Иван")])
        rows = await unit.agents.all()
        assert [(row.id, row.name, row.endpoint, row.language) for row in rows] == [
            ("1002", "Иван", "PJSIP/1002", "ru"),
            ("1003", "Name", "PJSIP/1003", "ru"),
        ]
        await unit.agents.sync([])
        assert await unit.agents.all() == []


async def test_users(store: Store) -> None:
    async with store.unit() as unit:
        user = await unit.users.add("1001", "hash", "agent", "1001", "ru")
        await unit.users.add("boss", "hash", "supervisor", None, "en")
        assert await unit.users.by_login("1001") == user
        assert await unit.users.by_login("1001'--") is None
        assert [one.login for one in await unit.users.all()] == ["1001", "boss"]
        for bad in (("1001", "agent", "en"), ("", "agent", "en"), ("x", "root", "en"), ("x", "agent", "de")):
            with pytest.raises(BadInput):
                await unit.users.add(bad[0], "h", bad[1], None, bad[2])
        with pytest.raises(BadInput, match="no such user"):
            await unit.users.set_password("nobody", "h")


async def test_sessions_end_by_time_by_logout_and_by_a_new_password(store: Store) -> None:
    at = datetime.now(UTC)
    async with store.unit() as unit:
        user = await unit.users.add("1001", "hash", "agent", "1001", "ru")
        for token, hours in (("a", 1), ("b", 1), ("old", -1)):
            await unit.sessions.add(token, user.id, "csrf", at + timedelta(hours=hours))
        session = await unit.sessions.get("a")
        assert session is not None
        assert (session.user, session.csrf) == (user, "csrf")
        assert session.expires_at == at + timedelta(hours=1)
        assert await unit.sessions.get("old") is None
        await unit.sessions.delete("b")
        assert await unit.sessions.get("b") is None
        await unit.sessions.sweep(at)
        await unit.users.set_password("1001", "other")
        assert await unit.sessions.get("a") is None


async def test_tokens(store: Store) -> None:
    at = datetime.now(UTC)
    async with store.unit() as unit:
        token = await unit.tokens.add("crm", "h1", ("calls:read", "tickets:write"), None)
        await unit.tokens.add("old", "h2", (), at - timedelta(seconds=1))
        assert await unit.tokens.by_hash("h1") == token
        assert token.scopes == ("calls:read", "tickets:write")
        assert await unit.tokens.by_hash("h2") is None
        assert [one.name for one in await unit.tokens.all()] == ["crm", "old"]
        with pytest.raises(BadInput, match="already"):
            await unit.tokens.add("again", "h1", (), None)
        assert await unit.tokens.delete(token.id)
        assert not await unit.tokens.delete(token.id)
        assert not await unit.tokens.delete(2**99)
