"""Mail as the services see it: a letter goes out, or there is a reason why it did not."""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """Plain words to one person. What it says may open a door, so it never shows in a `repr`."""

    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)


class Mailer(Protocol):
    """Hands letters to whoever delivers them."""

    def send(self, letter: Letter, *, letter_id: str) -> None:
        """Hand one over; raise `MailDelayedError` or `MailRefusedError` when it was not taken.

        A letter that is sent again under the same `letter_id` can be told for the same one by who receives it.
        """
        ...


class MailError(Exception):
    """The letter was not taken. `reason` is a code of ours, without any address in it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MailDelayedError(MailError):
    """Not now: trying again may help."""


class MailRefusedError(MailError):
    """Never: there is no such address, or it takes nothing from us."""
