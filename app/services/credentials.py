"""What people sign in with: addresses, passwords and tokens, checked and hashed in one way everywhere."""

import hashlib
import re
import secrets

from app.domain.errors import InvalidInputError
from app.services.passwords import MAX_LENGTH, MIN_LENGTH

_EMAIL = re.compile(
    r"[^@\s\x00-\x1f\ud800-\udfff]+@[^@\s\x00-\x1f\ud800-\udfff]+\.[^@\s\x00-\x1f\ud800-\udfff]+"
)


def new_token() -> str:
    """Return 256 random bits as text."""
    return secrets.token_urlsafe(32)


def sha256_of(secret: str) -> bytes:
    """Return what is stored of a token: enough for 256 random bits; a password would need argon2."""
    return hashlib.sha256(secret.encode("utf-8", errors="surrogatepass")).digest()


def printable(text: str) -> str:
    """Return what a browser says of itself, fit to be shown."""
    return "".join(character for character in text if character.isprintable())[:300]


def is_email(address: str) -> bool:
    """Say whether this looks like an e-mail address."""
    return len(address) <= 254 and _EMAIL.fullmatch(address) is not None


def checked_email(email: str) -> str:
    """Return the address in the one form that is stored, or raise `InvalidInputError`."""
    address = email.strip().lower()
    if not is_email(address):
        raise InvalidInputError(
            "This is not an e-mail address.", how_to_fix="Write it like name@example.org.", field="email"
        )
    return address


def check_password(password: str, *, email: str) -> None:
    """Raise `InvalidInputError` for a password that is too short, too long, or the first anybody would try."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise InvalidInputError(
            f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters.",
            how_to_fix="A few words in a row make a good one.",
            field="password",
        )
    if _is_obvious(password.lower(), email=email):
        raise InvalidInputError(
            "This password is too easy to guess.",
            how_to_fix="A few words in a row make a good one.",
            field="password",
        )


_FIRST_TRIES = re.compile(
    r"(?:password|passwort|kennwort|plumbline|qwert[yz]\w*|letmein|welcome|iloveyou|admin\w*|football|dragon|monkey"
    r"|0?1234567890?|12345|abc|[\W\d_])+"
)
"""Words that lists of leaked passwords begin with, alone or in a row, dressed up with digits and signs."""


def _is_obvious(password: str, *, email: str) -> bool:
    own = {email, email.partition("@")[0], email.partition("@")[2].partition(".")[0]}
    stripped = re.sub(r"[\W\d_]+", "", password)
    return (
        password in own
        or stripped in own
        or len(set(password)) < 4
        or _FIRST_TRIES.fullmatch(password) is not None
    )
