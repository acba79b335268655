"""The columns of a roster file: what each is called in other people's systems, and the best guess for a header."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

IGNORE: Final = "ignore"
"""A column that is not taken."""
ID_PREFIX: Final = "id:"
"""``id:vald`` is the person's id in the system named vald."""

ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "given_name": ("given name", "first name", "firstname", "forename", "first"),
    "family_name": ("family name", "last name", "lastname", "surname", "last"),
    "name": ("name", "full name", "athlete", "athlete name", "player", "player name"),
    "date_of_birth": ("date of birth", "dob", "birthdate", "birth date", "birthday", "born"),
    "sex": ("sex", "gender"),
    "external_id": ("external id", "student id", "athlete id", "id", "player id", "member id"),
    "sync_id": ("sync id",),
    "id:vald": ("vald id", "vald"),
    "id:hawkin": ("hawkin id",),
    "id:teamworks_ams": ("teamworks id", "smartabase id", "ams id"),
    "teams": ("team", "teams", "group", "groups", "category group", "category", "team name", "squad", "roster"),
    "bib": ("bib", "jersey", "jersey number", "number", "shirt number", "no"),
    "email": ("email", "e mail", "email address", "mail"),
    "phone": ("phone", "mobile", "phone number", "telephone", "cell", "cell phone"),
    "guardian1_name": ("guardian1 name", "guardian name", "parent name", "emergency contact", "emergency contact name",
                       "parent guardian", "parent"),
    "guardian1_email": ("guardian1 email", "guardian email", "parent email", "emergency contact email"),
    "guardian1_phone": ("guardian1 phone", "guardian phone", "parent phone", "emergency contact phone"),
    "guardian1_relation": ("guardian1 relation", "guardian relation", "relation", "relationship"),
    "guardian2_name": ("guardian2 name", "second guardian name", "parent 2 name", "emergency contact 2"),
    "guardian2_email": ("guardian2 email", "second guardian email", "parent 2 email"),
    "guardian2_phone": ("guardian2 phone", "second guardian phone", "parent 2 phone"),
    "guardian2_relation": ("guardian2 relation", "second guardian relation"),
    "sport": ("sport",),
    "position": ("position", "playing position"),
    "level": ("level", "competition level"),
    "stature_cm": ("stature cm", "height cm", "height", "stature", "height in cm"),
    "mass_kg": ("mass kg", "weight kg", "weight", "mass", "body mass", "body weight"),
    "leg_dominance": ("leg dominance", "dominant leg", "dominant foot", "preferred leg", "kicking leg", "footedness"),
    "active": ("active", "status"),
}  # fmt: skip
"""By field, every header it is known under, in small letters with single spaces."""
_FIELD_OF: Final = {
    alias: field for field, aliases in ALIASES.items() for alias in (field.replace("_", " "), *aliases)
}
_ID_COLUMN: Final = re.compile(r"(?:external )?id[ :.]+([a-z][a-z0-9_-]{0,63})")


def is_field(field: str) -> bool:
    """Say whether a column can be mapped to this."""
    return field == IGNORE or field in ALIASES or bool(_SYSTEM_FIELD.fullmatch(field))


_SYSTEM_FIELD: Final = re.compile(r"id:[a-z][a-z0-9_-]{0,63}")


def guess_field(header: str) -> str:
    """Return the field a header most likely means, or `IGNORE`."""
    plain = plain_header(header)
    if plain in _FIELD_OF:
        return _FIELD_OF[plain]
    match = _ID_COLUMN.fullmatch(header.strip().lower().replace("external_id", "external id"))
    return f"{ID_PREFIX}{match[1]}" if match else IGNORE


def guess_mapping(headers: Sequence[str]) -> tuple[str, ...]:
    """Return a field for each column; of two that would be the same, the later one is left out."""
    taken: set[str] = set()
    mapping = []
    for header in headers:
        field = guess_field(header)
        if field in taken:
            field = IGNORE
        if field != IGNORE:
            taken.add(field)
        mapping.append(field)
    return tuple(mapping)


def plain_header(header: str) -> str:
    """Return a header in small letters, words apart by single spaces."""
    decomposed = unicodedata.normalize("NFKC", header).casefold()
    return re.sub(r"[^\w]+|_+", " ", decomposed).strip()
