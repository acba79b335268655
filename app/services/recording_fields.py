"""What is asked of the facts that go with a video, however it comes."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from app.domain.access import Principal
from app.domain.errors import InvalidInputError
from app.services.trial_places import MAX_TRIAL_NUMBER

_FILENAME_LENGTH = 255
_OLDEST_DAY = date(1990, 1, 1)


def check_whom(principal: Principal, *, athlete_id: UUID | None, trial_id: UUID | None) -> None:
    """Keep who sees a part of the organisation from putting videos where they would not see them again."""
    if athlete_id is None and trial_id is None and principal.limited_to is not None:
        raise InvalidInputError(
            "Say whom the video shows: the inbox is for those who see the whole organisation.",
            how_to_fix="Choose an athlete of your teams.",
            field="athlete_id",
        )


def check_day(day: date | None) -> date | None:
    """Return the day, or refuse one that lies in the future or too far back."""
    if day is not None and not _OLDEST_DAY <= day <= datetime.now(UTC).date() + timedelta(days=1):
        raise InvalidInputError(
            "The day of the screening lies in the future, or too far back.",
            how_to_fix="Check the date: year, month, day.",
            field="screened_on",
        )
    return day


def check_trial_number(number: int | None) -> int | None:
    """Return the number, or refuse one that no trial has."""
    if number is not None and not 1 <= number <= MAX_TRIAL_NUMBER:
        raise InvalidInputError(
            f"The trial number must lie between 1 and {MAX_TRIAL_NUMBER}.",
            how_to_fix="Count the trials of one movement on one day from 1.",
            field="trial_number",
        )
    return number


def shown_filename(filename: str) -> str:
    """Return the last part of the name, printable; a name is a courtesy, never a reason to refuse a video."""
    last = filename.replace("\\", "/").rpartition("/")[2]
    printable = "".join(character for character in last if character.isprintable()).strip()
    return printable[:_FILENAME_LENGTH] or "video"
