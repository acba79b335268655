"""What an organisation asks for at its door, and the steps of a sign-in."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.access import Role


class StepKind(StrEnum):
    """What an unfinished sign-in waits for."""

    SECOND_FACTOR = "second_factor"
    """The password was right."""
    PASSKEY = "passkey"
    """A browser was asked for a passkey."""
    PROVIDER = "provider"
    """The browser went to an identity provider."""
    NEW_PASSKEY = "new_passkey"
    """A browser was asked to make one."""


SECOND_FACTOR_ROLES = (Role.OWNER, Role.CLINICIAN, Role.TRAINER, Role.VIEWER)
"""Whom a second factor can be asked of; athletes and guardians see nobody's results but their own."""
MAX_GRACE_DAYS = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactorRule:
    """Who needs a second factor, and from when."""

    roles: frozenset[Role] = frozenset()
    starts_at: datetime | None = None
    """None: nobody needs one."""
