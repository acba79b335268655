"""Keeping secrets in the database that we must be able to read again: sealed with a key made from the app's secret.

Tokens and passwords are hashed instead; this is for what has to be used later (a letter not yet sent, the secret of
an authenticator app, a client secret at somebody else's service).
"""

import secrets
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_FORM = b"\x01"
"""The way it is sealed, first byte of every sealed value."""
_NONCE_BYTES = 12


class BrokenSealError(Exception):
    """It was sealed with another key, for another purpose, or was changed since."""


class Seal:
    """Seals and opens with AES-256-GCM. What was sealed for one purpose and owner opens for no other."""

    def __init__(self, secret_key: str) -> None:
        """Make the key from the app's secret."""
        derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"plumbline sealed values")
        self._cipher = AESGCM(derive.derive(secret_key.encode()))

    def seal(self, secret: str, *, purpose: str, owner: object) -> bytes:
        """Return what may be stored; `owner` is the id of the row it will stand in, so that it cannot be moved."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _FORM + nonce + self._cipher.encrypt(nonce, secret.encode(), _place(purpose, owner))

    def open(self, sealed: bytes, *, purpose: str, owner: object) -> str:
        """Return the secret, or raise `BrokenSealError`."""
        form, nonce, rest = sealed[:1], sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        if form != _FORM or len(nonce) != _NONCE_BYTES:
            raise BrokenSealError
        try:
            return self._cipher.decrypt(nonce, rest, _place(purpose, owner)).decode()
        except InvalidTag:
            raise BrokenSealError from None


@lru_cache(maxsize=4)
def seal_of(secret_key: str) -> Seal:
    """Return the seal of this secret, made once."""
    return Seal(secret_key)


def _place(purpose: str, owner: object) -> bytes:
    return f"{purpose}:{owner}".encode()
