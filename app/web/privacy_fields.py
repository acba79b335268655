"""The fields of the form about privacy: as text when shown and sent, understood when saved."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field

from app.domain.consent import MAX_AGE, ConsentRule
from app.domain.privacy import MAX_DAYS, PrivacyRules
from app.services.privacy import MAX_TEXT_CHARS
from app.web.upload_fields import FormFieldsError

KEPT_DAYS: Final = ("keep_original_days", "keep_pictures_days", "keep_measures_days")
"""Empty: for ever."""
SWITCHES: Final = ("unknown_age_is_minor", "numbers_only", "blur_faces", "drop_original_after_blur")

Short = Annotated[str, Field(max_length=100)]


class PrivacyEntries(BaseModel):
    """What stands in the form."""

    model_config = ConfigDict(frozen=True)

    csrf_token: Annotated[str, Field(max_length=200)] = ""
    version: Short = ""
    """Of the rules that the form was filled with."""
    noted: Short = ""
    """Which change its sender has been told the consequences of."""
    intent: Short = "save"
    rule: Short = ""
    age: Short = ""
    unknown_age_is_minor: bool = False
    waiting_days: Short = ""
    keep_original_days: Short = ""
    keep_pictures_days: Short = ""
    keep_measures_days: Short = ""
    numbers_only: bool = False
    blur_faces: bool = False
    drop_original_after_blur: bool = False
    consent_text: Annotated[str, Field(max_length=3 * MAX_TEXT_CHARS)] = ""

    @classmethod
    def of(cls, rules: PrivacyRules) -> Self:
        """Return the form as it is filled with these rules."""
        kept = {name: getattr(rules, name) for name in KEPT_DAYS}
        return cls(
            rule=rules.consent.rule,
            age=str(rules.consent.age),
            unknown_age_is_minor=rules.consent.unknown_age_is_minor,
            waiting_days=str(rules.consent.waiting_days),
            numbers_only=rules.numbers_only,
            blur_faces=rules.blur_faces,
            drop_original_after_blur=rules.drop_original_after_blur,
            consent_text=rules.consent_text or "",
            **{name: "" if days is None else str(days) for name, days in kept.items()},
        )


def read_changes(entries: PrivacyEntries, *, present: PrivacyRules) -> dict[str, Any]:
    """Return what differs from the present rules; raise `FormFieldsError` that names all that needs correcting."""
    wanted = _read(entries)
    holders = (present.consent, present)
    return {
        name: value
        for name, value in wanted.items()
        if value != next(getattr(each, name) for each in holders if hasattr(each, name))
    }


def _read(entries: PrivacyEntries) -> Mapping[str, Any]:
    errors: dict[str, str] = {}
    wanted: dict[str, Any] = {name: getattr(entries, name) for name in SWITCHES}
    if entries.rule in set(ConsentRule):
        wanted["rule"] = ConsentRule(entries.rule)
    else:
        errors["rule"] = "Choose whose consent is asked for."
    wanted["age"] = _whole(entries.age, most=MAX_AGE)
    if wanted["age"] is None:
        errors["age"] = f"Enter a whole number of years, 0 to {MAX_AGE}."
    wanted["waiting_days"] = _whole(entries.waiting_days, most=MAX_DAYS)
    if wanted["waiting_days"] is None:
        errors["waiting_days"] = f"Enter a whole number of days, 0 to {MAX_DAYS}."
    for name in KEPT_DAYS:
        text = getattr(entries, name)
        wanted[name] = _whole(text, most=MAX_DAYS)
        if text.strip() and wanted[name] is None:
            errors[name] = f"Enter a whole number of days, 0 to {MAX_DAYS}, or leave it empty: for ever."
    # browsers send other line ends than are kept; what looks like another text becomes another version
    wanted["consent_text"] = entries.consent_text.replace("\r\n", "\n").strip() or None
    if errors:
        raise FormFieldsError(errors)
    return wanted


def _whole(text: str, *, most: int) -> int | None:
    """Return the number; None for what is none, or too large."""
    plain = text.strip()
    is_number = plain.isascii() and plain.isdecimal() and len(plain) <= len(str(most))
    return int(plain) if is_number and int(plain) <= most else None
