"""Screening days: a team is filmed at stations, and every recording finds its athlete."""

import re
import secrets
from enum import StrEnum
from typing import Final
from uuid import UUID

MAX_TRIALS: Final = 10
MAX_STATIONS: Final = 12
CODE_LIFETIME_S: Final = 30 * 60.0
"""So long a join code opens, once."""
PASS_LIFETIME_S: Final = 14 * 3600.0
"""So long a phone that came in stays at its station: longer than any day, shorter than two."""

_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Digits and capitals that nobody takes for one another."""
_CODE_LENGTH: Final = 10
_LOOKALIKES: Final = str.maketrans("", "", " -\t\n")
_CARD: Final = re.compile(r"PLUMBLINE:([0-9A-F]{32})")


class SaidBy(StrEnum):
    """How a station named the athlete of a recording."""

    CARD = "card"
    """The QR card was scanned."""
    LIST = "list"
    """Chosen from the list."""
    BIB = "bib"
    """By the number on the athlete, which one of the team has."""
    NOBODY = "nobody"
    """Not named: the recording waits in the inbox."""


class TrialState(StrEnum):
    """Where one trial of a screening day is, as the board shows it."""

    DONE = "done"
    """Analysed."""
    WAITING = "waiting"
    """On its way, or waiting for its analysis or for consent."""
    TO_REPEAT = "to_repeat"
    """Filmed, and cannot be used."""


def new_join_code() -> str:
    """Return a code of 49 random bits that can be read aloud and typed."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))
    return f"{letters[:5]}-{letters[5:]}"


def plain_code(typed: str) -> str:
    """Return a code as it is hashed, however it was typed."""
    return typed.translate(_LOOKALIKES).upper()[:40]


def card_text(athlete_id: UUID) -> str:
    """Return what the QR of an athlete's card holds: the id and nothing else of the person.

    Capitals and digits alone, which makes the QR coarse enough to be read from two steps away.
    """
    return f"PLUMBLINE:{athlete_id.hex.upper()}"


def athlete_of_card(text: str) -> UUID | None:
    """Return whose card this is, or None when it is none of ours."""
    found = _CARD.fullmatch(text.strip().upper())
    return None if found is None else UUID(found[1])
