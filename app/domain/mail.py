"""What becomes of a letter."""

from enum import StrEnum


class MailOutcome(StrEnum):
    """How a letter ended."""

    SENT = "sent"
    """The mail server took it."""
    REFUSED = "refused"
    """The mail server said that it never will."""
    TOO_LATE = "too_late"
    """What it says did not hold any longer when a server could be reached."""
