"""What may be written about an athlete: each value checked, cleaned, and refused by the name of its field."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final

from app.domain.athletes import RESERVED_SYSTEMS, AthleteChange, Guardian
from app.domain.errors import InvalidInputError
from app.services.checks import check_range, check_text

MAX_EXTERNAL_ID_CHARS: Final = 200
STATURE_CM: Final = (50.0, 260.0)
MASS_KG: Final = (5.0, 350.0)
MAX_GUARDIANS: Final = 4
_OLDEST: Final = date(1900, 1, 1)
_SYSTEM: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE: Final = re.compile(r"\+[1-9]\d{6,14}")


def check_change(change: AthleteChange) -> AthleteChange:
    """Return the change with every value cleaned, or raise `InvalidInputError` naming the field."""
    cleaned: dict[str, Any] = {
        name: None if value is None and name in _CLEARABLE else _CHECKS[name](value, name)
        for name, value in change.asked().items()
        if name in _CHECKS
    }
    return replace(change, **cleaned)


def check_born(day: date, field: str) -> date:
    """Return a day of birth, or refuse one that cannot be."""
    if not _OLDEST <= day <= datetime.now(UTC).date():
        raise InvalidInputError(
            "The date of birth lies in the future, or too far back.",
            how_to_fix="Check the date: year, month, day.",
            field=field,
        )
    return day


def check_email(value: str, field: str) -> str:
    """Return the address, or refuse what is none."""
    address = check_text(value, field=field, max_length=254)
    if not _EMAIL.fullmatch(address):
        raise InvalidInputError(
            "This is not an e-mail address.", how_to_fix="Check it, or leave it empty.", field=field
        )
    return address


def check_phone(value: str, field: str) -> str:
    """Return the number in its international form (E.164), or refuse one without its country."""
    digits = re.sub(r"[\s().\-/]", "", check_text(value, field=field, max_length=40))
    number = f"+{digits[2:]}" if digits.startswith("00") else digits
    if not _PHONE.fullmatch(number):
        raise InvalidInputError(
            "The phone number is not in its international form.",
            how_to_fix="Begin with + and the country, for example +44 20 7946 0018.",
            field=field,
        )
    return number


def check_system(value: str, field: str = "system") -> str:
    """Return another system's short name, or refuse one that is reserved or not short."""
    if not _SYSTEM.fullmatch(value) or value in RESERVED_SYSTEMS:
        raise InvalidInputError(
            "A system is named in small letters, digits, - and _, and not own or sync.",
            how_to_fix="Use a short name such as vald; your own number is external_id.",
            field=field,
        )
    return value


def _text(value: str, field: str) -> str:
    return check_text(value, field=field)


def _id_text(value: str, field: str) -> str:
    return check_text(value, field=field, max_length=MAX_EXTERNAL_ID_CHARS)


def _within(low: float, high: float) -> Callable[[Any, str], Any]:
    def check(value: float, field: str) -> float | None:
        return check_range(value, field=field, low=low, high=high)

    return check


def _external_ids(value: Mapping[str, str | None], field: str) -> dict[str, str | None]:
    return {
        check_system(system, field): None if each is None else _id_text(each, field)
        for system, each in value.items()
    }


def _guardians(value: tuple[Guardian, ...], field: str) -> tuple[Guardian, ...]:
    if len(value) > MAX_GUARDIANS:
        raise InvalidInputError(
            f"At most {MAX_GUARDIANS} guardians.", how_to_fix="Leave out the others.", field=field
        )
    cleaned = (
        Guardian(
            name=_perhaps(check_text, guardian.name, field=field),
            relation=_perhaps(check_text, guardian.relation, field=field),
            email=_perhaps(check_email, guardian.email, field=field),
            phone=_perhaps(check_phone, guardian.phone, field=field),
        )
        for guardian in value
    )
    return tuple(guardian for guardian in cleaned if not guardian.is_empty)


def _perhaps(check: Callable[..., str], value: str | None, *, field: str) -> str | None:
    return None if value is None else check(value, field=field)


def _bibs(value: Mapping[Any, str | None], field: str) -> dict[Any, str | None]:
    return {
        team_id: None if bib is None else check_text(bib, field=field.removesuffix("s"), max_length=12)
        for team_id, bib in value.items()
    }


_CHECKS: Final[Mapping[str, Callable[[Any, str], Any]]] = {
    "name": _text,
    "given_name": _text,
    "family_name": _text,
    "external_id": _id_text,
    "sync_id": _id_text,
    "external_ids": _external_ids,
    "date_of_birth": check_born,
    "sport": _text,
    "position": _text,
    "level": _text,
    "stature_cm": _within(*STATURE_CM),
    "mass_kg": _within(*MASS_KG),
    "email": check_email,
    "phone": check_phone,
    "guardians": _guardians,
    "bibs": _bibs,
}
_CLEARABLE: Final = frozenset(_CHECKS) - {"name", "external_ids", "guardians", "bibs"}
