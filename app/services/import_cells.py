"""One row of a roster file to what it says about a person: blank leaves a field as it is, `-` clears it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final

from app.biomech.types import Sex
from app.domain.athletes import AthleteChange, Guardian, LegDominance
from app.domain.errors import InvalidInputError
from app.domain.roster_fields import ID_PREFIX, IGNORE
from app.integrations.roster_files import MAX_CELL_CHARS, unguard_cell
from app.services.athlete_fields import check_change

CLEAR: Final = "-"
_ISO: Final = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ].*)?")
_ORDERED: Final = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4})")
_NUMBER: Final = re.compile(r"(\d+(?:[.,]\d+)?)\s*(?:cm|kg)?", re.IGNORECASE)
_WORDS: Final[Mapping[str, Mapping[str, Any]]] = {
    "sex": {
        **dict.fromkeys(("f", "female", "w", "woman", "women", "girl"), Sex.FEMALE),
        **dict.fromkeys(("m", "male", "man", "men", "boy"), Sex.MALE),
        **dict.fromkeys(("x", "u", "other", "unspecified", "unknown", "not specified"), Sex.UNSPECIFIED),
    },
    "active": {
        **dict.fromkeys(("true", "yes", "y", "1", "active", "current"), True),
        **dict.fromkeys(("false", "no", "n", "0", "inactive", "left", "former"), False),
    },
    "leg_dominance": {
        **dict.fromkeys(("l", "left"), LegDominance.LEFT),
        **dict.fromkeys(("r", "right"), LegDominance.RIGHT),
        **dict.fromkeys(("b", "both", "either", "ambidextrous"), LegDominance.BOTH),
    },
}
_NOT_CLEARED: Final = {"sex": Sex.UNSPECIFIED, "active": True}
_GUARDIAN: Final = re.compile(r"guardian([12])_(name|relation|email|phone)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRow:
    """What a row says."""

    change: AthleteChange
    team_names: tuple[str, ...] | None
    """None: says nothing; empty: no team."""
    bibs: tuple[str | None, ...]
    """One for each team, or a single one."""
    guardian_parts: Mapping[tuple[int, str], str | None] = field(default_factory=dict)


class UndecidedDateError(Exception):
    """The row holds a date whose order nobody has said."""


def read_row(cells: Sequence[str], *, mapping: Sequence[str], day_first: bool | None) -> ReadRow:
    """Read one row; raise `InvalidInputError` naming the field, or `UndecidedDateError`."""
    values = {
        name: _checked_cell(cell, name)
        for name, cell in zip(mapping, cells, strict=True)
        if name != IGNORE and cell.strip()
    }
    asked: dict[str, Any] = {}
    external_ids: dict[str, str | None] = {}
    guardian_parts: dict[tuple[int, str], str | None] = {}
    for name, cell in values.items():
        if name.startswith(ID_PREFIX):
            external_ids[name.removeprefix(ID_PREFIX)] = None if cell == CLEAR else cell
        elif (match := _GUARDIAN.fullmatch(name)) is not None:
            guardian_parts[int(match[1]) - 1, match[2]] = None if cell == CLEAR else cell
        elif name not in {"teams", "bib"}:
            asked[name] = _value(cell, name, day_first=day_first)
    if external_ids:
        asked["external_ids"] = external_ids
    return ReadRow(
        change=check_change(AthleteChange(**asked)),
        team_names=_team_names(values.get("teams")),
        bibs=tuple(None if part in ("", CLEAR) else part for part in _parts(values.get("bib", ""))),
        guardian_parts=guardian_parts,
    )


def merge_guardians(
    guardians: tuple[Guardian, ...], parts: Mapping[tuple[int, str], str | None]
) -> tuple[Guardian, ...]:
    """Return the guardians with single columns of the file written over them."""
    merged = [*guardians, Guardian(), Guardian()][: max(2, len(guardians))]
    for (place, name), value in parts.items():
        merged[place] = replace(merged[place], **{name: value})
    return tuple(guardian for guardian in merged if not guardian.is_empty)


def find_ordered_dates(cells: Sequence[str]) -> list[tuple[str, int, int]]:
    """Return the cells whose day and month could be either way round, each with its first and second number."""
    found = ((cell, _ORDERED.fullmatch(cell)) for cell in cells)
    return [(cell, int(match[1]), int(match[2])) for cell, match in found if match is not None]


def _checked_cell(cell: str, name: str) -> str:
    text = unguard_cell(cell.strip())
    if len(text) > MAX_CELL_CHARS:
        raise _refusal("The text is too long.", name)
    if text.startswith(("=", "@")):
        raise _refusal("The cell begins like a formula.", name)
    return text


def _value(cell: str, name: str, *, day_first: bool | None) -> Any:
    if cell == CLEAR:
        if name == "name":
            raise _refusal("A name cannot be cleared.", name)
        return _NOT_CLEARED.get(name)
    return _READERS.get(name, _read_text)(cell, name, day_first)


def _read_text(cell: str, name: str, day_first: bool | None) -> str:
    del name, day_first
    return cell


def _read_word(cell: str, name: str, day_first: bool | None) -> Any:
    del day_first
    words = _WORDS[name]
    if cell.casefold() not in words:
        raise _refusal(
            f"It must be one of: {', '.join(dict.fromkeys(str(w) for w in words if len(w) > 1))}.", name
        )
    return words[cell.casefold()]


def _read_number(cell: str, name: str, day_first: bool | None) -> float:
    del day_first
    match = _NUMBER.fullmatch(cell)
    if match is None:
        raise _refusal("This is not a number.", name)
    return float(match[1].replace(",", "."))


def _read_date(cell: str, name: str, day_first: bool | None) -> date:
    iso, ordered = _ISO.fullmatch(cell), _ORDERED.fullmatch(cell)
    if iso is not None:
        year, month, day = (int(part) for part in iso.groups())
    elif ordered is not None:
        if day_first is None:
            raise UndecidedDateError
        first, second, year = (int(part) for part in ordered.groups())
        day, month = (first, second) if day_first else (second, first)
    else:
        raise _refusal("The date is not written as YYYY-MM-DD, nor with a four-digit year.", name)
    try:
        return date(year, month, day)
    except ValueError:
        raise _refusal("There is no such date, in the order that was chosen for the file.", name) from None


_READERS: Final[Mapping[str, Callable[[str, str, bool | None], Any]]] = {
    "date_of_birth": _read_date,
    "stature_cm": _read_number,
    "mass_kg": _read_number,
    **dict.fromkeys(_WORDS, _read_word),
}


def team_names(cell: str) -> tuple[str, ...]:
    """Return the teams a cell names."""
    return _team_names(unguard_cell(cell.strip()) or None) or ()


def _team_names(cell: str | None) -> tuple[str, ...] | None:
    if cell is None:
        return None
    return () if cell == CLEAR else tuple(dict.fromkeys(part for part in _parts(cell) if part))


def _parts(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(";")] if cell else []


def _refusal(message: str, name: str) -> InvalidInputError:
    return InvalidInputError(message, how_to_fix="Correct the cell.", field=name)
