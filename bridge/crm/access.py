"""Passwords and tokens: making and checking them. Keeping them is the store's, who may what is web's."""

import asyncio
import hashlib
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from bridge.errors import BadInput
from bridge.store import Store
from bridge.store.rows import UserRow

MIN_PASSWORD = 8
MAX_PASSWORD = 1024

_hasher = PasswordHasher()
# What is verified for a login that does not exist: the same work, so that the time tells nobody who exists.
_NOBODY = _hasher.hash(secrets.token_urlsafe(32))


def hash_password(password: str) -> str:
    """Slow on purpose (argon2id): call it in a thread when a loop runs."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise BadInput(f"password: it must have {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    return _hasher.hash(_bytes(password))


def verify_password(password: str, password_hash: str | None) -> bool:
    """Is it this password? ``None`` (no such user) costs the same as a wrong password. Slow on purpose."""
    known = password_hash is not None and len(password) <= MAX_PASSWORD
    try:
        _hasher.verify(_NOBODY if password_hash is None else password_hash, _bytes(password[:MAX_PASSWORD]))
    except (VerificationError, InvalidHashError):
        return False
    return known


async def check_login(store: Store, login: str, password: str) -> UserRow | None:
    """The user, if the password is right; None for a wrong one and for an unknown login alike."""
    async with store.view() as unit:
        user = await unit.users.by_login(login[:200])
    right = await asyncio.to_thread(verify_password, password, user.password_hash if user else None)
    return user if right else None


def _bytes(password: str) -> bytes:
    # Also what a hostile form decodes to has bytes; a surrogate must not become an error of ours.
    return password.encode("utf-8", "surrogatepass")


def new_token() -> tuple[str, str]:
    """A new token and the hash to keep. The token itself is shown once and kept nowhere."""
    token = f"cb_{secrets.token_urlsafe(32)}"
    return token, hash_token(token)


def new_link_token() -> tuple[str, str]:
    """As ``new_token``, for an address that people open."""
    token = secrets.token_urlsafe(32)
    return token, hash_token(token)


def hash_token(token: str) -> str:
    """Tokens have 256 random bits: a fast hash is enough, and nobody can guess them."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
