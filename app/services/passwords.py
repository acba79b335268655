"""Hashing passwords with argon2id."""

import secrets
from functools import lru_cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

MIN_LENGTH = 12
MAX_LENGTH = 128


class Passwords:
    """Hashes and checks passwords; an unknown user costs the same time as a known one."""

    def __init__(self, hasher: Argon2Hasher | None = None) -> None:
        """Take the hasher; by default argon2id with the library's recommended cost."""
        self._hash = PasswordHash((hasher or Argon2Hasher(),))
        self._dummy = self._hash.hash(secrets.token_urlsafe(32))

    def hash(self, password: str) -> str:
        """Return the hash to store."""
        return self._hash.hash(password)

    def verify(self, password: str, stored: str | None) -> tuple[bool, str | None]:
        """Check a password; also return a new hash when the stored one is of an older cost.

        Without a stored hash the same work is done against one that nothing matches.
        """
        if len(password) > MAX_LENGTH:
            password = ""
        matches, updated = self._hash.verify_and_update(password, stored or self._dummy)
        return (matches and stored is not None), updated


@lru_cache(maxsize=1)
def recommended_passwords() -> Passwords:
    """Return the hasher everybody uses, made on first need because its dummy hash takes a quarter second."""
    return Passwords()
