"""Consent, retention and erasure as REST takes and shows them."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, Field

from app.api.schemas.base import MAX_NAME_CHARS, Input, Output
from app.domain.consent import (
    CONSENT_TEXT,
    MAX_AGE,
    AgeBand,
    ConsentRule,
    ConsentSource,
    Purpose,
    Relation,
    Withheld,
)
from app.domain.privacy import MAX_DAYS, PrivacyRules
from app.services.consents import ConsentStatus
from app.services.privacy import MAX_TEXT_CHARS

Days = Annotated[int, Field(ge=0, le=MAX_DAYS)]


class PrivacyOutput(Output):
    """The organisation's rules. The `consent_*` ones say whose consent is asked for."""

    rule: ConsentRule
    age: int = Field(description="From this age on, athletes decide for themselves.")
    unknown_age_is_minor: bool
    waiting_days: int = Field(
        description="How long a recording waits for consent, or is withheld after a withdrawal, before it is erased."
    )
    consent_text: str
    consent_text_version: str
    keep_original_days: int | None = Field(description="Videos as uploaded; null keeps them.")
    keep_pictures_days: int | None = Field(description="Overlay videos and stills.")
    keep_measures_days: int | None = Field(description="Everything about a recording.")
    numbers_only: bool = Field(description="Videos and pictures go as soon as the numbers are there.")
    blur_faces: bool = Field(
        description="Faces are hidden in overlay videos and stills, of everybody in them; without this, for those alone who"
        " refused `show_face`. Coaches then do not see the video as it was uploaded."
    )
    drop_original_after_blur: bool = Field(
        description="Where faces are hidden, the video as it was uploaded goes once the pictures are drawn."
    )

    @classmethod
    def of(cls, rules: PrivacyRules) -> Self:
        """Return the rules as they are shown."""
        own = {"rule", "age", "unknown_age_is_minor", "waiting_days", "consent_text"}
        return cls(
            **{name: getattr(rules, name) for name in cls.model_fields if name not in own},
            **{name: getattr(rules.consent, name) for name in own if name != "consent_text"},
            consent_text=rules.consent_text or CONSENT_TEXT,
        )


class PrivacyInput(Input):
    """Rules to change; what is left out stays. Null for days keeps things, for the text means ours."""

    rule: ConsentRule | None = None
    age: Annotated[int, Field(ge=0, le=MAX_AGE)] | None = None
    unknown_age_is_minor: bool | None = None
    waiting_days: Days | None = None
    consent_text: Annotated[str, Field(max_length=MAX_TEXT_CHARS)] | None = None
    keep_original_days: Days | None = None
    keep_pictures_days: Days | None = None
    keep_measures_days: Days | None = None
    numbers_only: bool | None = None
    blur_faces: bool | None = None
    drop_original_after_blur: bool | None = None

    def changes(self) -> dict[str, Any]:
        """Return what was sent; null where there is no such thing counts as left out."""
        sent = {name: getattr(self, name) for name in self.model_fields_set}
        return {name: value for name, value in sent.items() if value is not None or name in _MAY_BE_NULL}


_MAY_BE_NULL = frozenset({"consent_text", "keep_original_days", "keep_pictures_days", "keep_measures_days"})


class ConsentInput(Input):
    """What somebody decided, on paper or elsewhere."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "given_by": "Kim Doe",
                    "relation": "parent",
                    "purposes": {"screening": True, "keep_video": False, "share_with_coach": True},
                }
            ]
        }
    )

    given_by: Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS)]
    relation: Relation
    purposes: dict[Purpose, bool] = Field(
        min_length=1, description="True gives, false withdraws or refuses; others stay as they are."
    )
    text_version: Annotated[str, Field(max_length=64)] | None = Field(
        default=None, description="Of the text that was agreed to; without it, the present one."
    )


class DecisionOutput(Output):
    """What somebody decided about one purpose."""

    purpose: Purpose
    granted: bool
    given_by: str
    relation: Relation
    age_band: AgeBand
    text_version: str
    source: ConsentSource
    created_at: datetime


class ConsentOutput(Output):
    """Where an athlete stands."""

    athlete_id: UUID
    needed: bool = Field(description="By the organisation's rules, or because something was refused.")
    granted: list[Purpose]
    may_process: bool
    may_keep_video: bool
    withheld_from: str = Field(description="`nobody`, `coaches` (trainers, viewers, keys) or `everybody`.")
    n_waiting: int = Field(description="Recordings that wait for consent.")
    decisions: list[DecisionOutput] = Field(description="Every decision there was, oldest first.")

    @classmethod
    def of(cls, status: ConsentStatus) -> Self:
        """Return where an athlete stands as it is shown."""
        verdict = status.verdict
        return cls(
            athlete_id=status.athlete_id,
            needed=verdict.needed,
            granted=sorted(verdict.granted),
            may_process=verdict.may_process,
            may_keep_video=verdict.may_keep_video,
            withheld_from=_WITHHELD[verdict.withheld],
            n_waiting=status.n_waiting,
            decisions=[DecisionOutput.model_validate(each) for each in status.decisions],
        )


_WITHHELD = {
    Withheld.NOT: "nobody",
    Withheld.FROM_COACHES: "coaches",
    Withheld.FROM_EVERYBODY: "everybody",
}


class GuardianLinkOutput(Output):
    """A link by which somebody decides for the athlete, once."""

    url: str = Field(description="Shown once. The secret stands behind the `#`, which browsers never send.")
    expires_at: datetime


class ErasureOutput(Output):
    """An erasure, or its receipt once it is done. Nothing of the person stands in it."""

    id: UUID
    athlete_id: UUID
    reason: str
    requested_at: datetime
    completed_at: datetime | None
    n_recordings: int
    n_files: int = Field(description="Of those recordings: videos, pictures, tracks.")
    n_uploads: int = Field(
        description="Announced recordings whose file had not come whole, and what had come of it."
    )
    n_exports: int = Field(description="Finished export files in which the athlete was.")
    n_letters: int = Field(description="Letters to them that were not sent yet.")
    n_logins: int = Field(description="Logins that saw this athlete's results and nobody else's.")
    n_answers: int = Field(
        description="Answers kept for repeated requests, the whole organisation's: any may have told of the athlete."
    )
