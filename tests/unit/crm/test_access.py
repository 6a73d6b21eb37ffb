"""Passwords, tokens, log-in."""

import re
from unittest.mock import patch

import pytest

from bridge.crm import access
from bridge.errors import BadInput
from bridge.store import Store


def test_a_password_is_verified_and_another_is_not() -> None:
    hashed = access.hash_password("correct horse")
    assert hashed.startswith("$argon2id$")
    assert hashed != access.hash_password("correct horse")
    assert access.verify_password("correct horse", hashed)
    assert not access.verify_password("correct hors", hashed)
    assert not access.verify_password("", hashed)


@pytest.mark.parametrize("hashed", ["", "plain", "$argon2id$broken"])
def test_a_broken_hash_lets_nobody_in(hashed: str) -> None:
    assert not access.verify_password("anything", hashed)


@pytest.mark.parametrize("password", ["", "short", "x" * 1025])
def test_a_password_of_no_use_is_refused(password: str) -> None:
    with pytest.raises(BadInput, match="characters"):
        access.hash_password(password)


def test_a_longer_password_is_not_taken_for_its_beginning() -> None:
    hashed = access.hash_password("x" * 1024)
    assert access.verify_password("x" * 1024, hashed)
    assert not access.verify_password("x" * 1025, hashed)


def test_nobody_costs_as_much_as_somebody() -> None:
    with patch.object(access, "_hasher", wraps=access._hasher) as hasher:
        assert not access.verify_password("anything", None)
        assert hasher.verify.call_count == 1
    parameters = re.compile(r"\$m=\d+,t=\d+,p=\d+\$")
    known = parameters.search(access.hash_password("correct horse"))
    nobody = parameters.search(access._NOBODY)
    assert known is not None
    assert nobody is not None
    assert known[0] == nobody[0]


def test_tokens_are_random_and_kept_as_hashes() -> None:
    token, hashed = access.new_token()
    assert re.fullmatch(r"cb_[A-Za-z0-9_-]{43}", token)
    assert re.fullmatch(r"[0-9a-f]{64}", hashed)
    assert access.hash_token(token) == hashed
    assert access.new_token()[0] != token
    access.hash_token("\ud800")


async def test_log_in(store: Store) -> None:
    async with store.unit() as unit:
        user = await unit.users.add("1001", access.hash_password("correct horse"), "agent", "1001", "ru")
    assert await access.check_login(store, "1001", "correct horse") == user
    assert await access.check_login(store, "1001", "wrong") is None
    assert await access.check_login(store, "nobody", "correct horse") is None
    assert await access.check_login(store, "\0" + "x" * 10_000, "\ud800") is None
