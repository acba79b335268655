"""Whose consent is needed for what, and what follows from having it or not. Pure: the same facts, the same verdict."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import Final

MAX_AGE: Final = 21
"""Up to which an organisation can have others decide for its athletes."""
TEXT_VERSION: Final = "plumbline-1"
CONSENT_TEXT: Final = (
    "We film a landing from a box and measure how knees, hips and feet move. It is a movement screen: it compares a"
    " landing with landings of others and says where training may help. It is no examination by a doctor, and it does"
    " not foretell injuries. You may allow each of the following by itself, and change your mind at any time with no"
    " disadvantage. If you withdraw the screening, nothing more is analysed, nobody sees the results any more, and they"
    " are deleted after the time named below. If you withdraw the keeping of videos, the videos are deleted at once."
)
"""What is agreed to, unless an organisation has a text of its own."""


class ConsentRule(StrEnum):
    """Whose results need a consent in an organisation."""

    NOBODY = "nobody"
    MINORS = "minors"
    """Those younger than the age of consent."""
    EVERYBODY = "everybody"


class Purpose(StrEnum):
    """What may be done with a recording, each to be allowed by itself."""

    SCREENING = "screening"
    """Analyse it and show the result."""
    KEEP_VIDEO = "keep_video"
    """Keep the video and its pictures after the analysis."""
    SHARE_WITH_COACH = "share_with_coach"
    """Let trainers and viewers of the organisation see the result, not only clinicians and owners."""
    RESEARCH = "research"
    """Use the numbers, without the name, for research."""
    SHOW_FACE = "show_face"
    """Show the face in pictures and videos. Refused, faces are hidden in them; nobody decided, the organisation's rule holds."""


class Relation(StrEnum):
    """What who decides is to the athlete."""

    SELF = "self"
    PARENT = "parent"
    GUARDIAN = "guardian"
    OTHER = "other"


class ConsentSource(StrEnum):
    """How a decision reached us."""

    LINK = "link"
    """By the person's own link."""
    LOGIN = "login"
    """By the login of the athlete or guardian."""
    PAPER = "paper"
    """Signed elsewhere, and entered by a member."""
    IMPORT = "import"


class AgeBand(StrEnum):
    """How old the athlete was, as far as consent depends on it; no more is kept with a decision."""

    UNDER_13 = "under_13"
    FROM_13 = "13_to_15"
    FROM_16 = "16_to_17"
    ADULT = "adult"
    UNKNOWN = "unknown"


class Withheld(IntEnum):
    """From whom the results of a recording are kept; the database itself hides them."""

    NOT = 0
    FROM_COACHES = 1
    """Trainers, viewers and machines do not see it; owners and clinicians do."""
    FROM_EVERYBODY = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRules:
    """How an organisation asks for consent."""

    rule: ConsentRule = ConsentRule.MINORS
    age: int = 16
    """From this age on, athletes decide for themselves."""
    unknown_age_is_minor: bool = False
    """Whether somebody without a date of birth is taken for a minor."""
    waiting_days: int = 30
    """How long a recording waits for consent, or results stay hidden after it was withdrawn, before they are erased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What somebody decided about one purpose; later ones replace earlier ones, none is changed."""

    purpose: Purpose
    granted: bool
    given_by: str
    relation: Relation
    age_band: AgeBand
    text_version: str
    source: ConsentSource
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentVerdict:
    """What follows for one athlete's recordings now."""

    needed: bool
    granted: frozenset[Purpose]
    hides_face: bool = False
    """Whether showing the face was refused."""

    @property
    def may_process(self) -> bool:
        """Whether a recording may be analysed."""
        return not self.needed or Purpose.SCREENING in self.granted

    @property
    def may_keep_video(self) -> bool:
        """Whether videos and pictures may be kept after the analysis."""
        return not self.needed or Purpose.KEEP_VIDEO in self.granted

    @property
    def withheld(self) -> Withheld:
        """From whom results are kept."""
        if not self.may_process:
            return Withheld.FROM_EVERYBODY
        may_share = not self.needed or Purpose.SHARE_WITH_COACH in self.granted
        return Withheld.NOT if may_share else Withheld.FROM_COACHES


def judge_consent(
    rules: ConsentRules, *, date_of_birth: date | None, decisions: Iterable[Decision], today: date
) -> ConsentVerdict:
    """Return what the decisions allow; without a rule that asks for consent, a refusal still counts.

    Somebody who said no is not screened only because the organisation would not have had to ask.
    """
    latest: dict[Purpose, bool] = {}
    for decision in sorted(decisions, key=lambda each: each.created_at):
        latest[decision.purpose] = decision.granted
    refused = any(not granted for purpose, granted in latest.items() if purpose is not Purpose.SHOW_FACE)
    needed = refused or needs_consent(rules, date_of_birth=date_of_birth, today=today)
    return ConsentVerdict(
        needed=needed,
        granted=frozenset(purpose for purpose, granted in latest.items() if granted),
        hides_face=not latest.get(Purpose.SHOW_FACE, True),
    )


def needs_consent(rules: ConsentRules, *, date_of_birth: date | None, today: date) -> bool:
    """Say whether the organisation asks for consent in this case."""
    if rules.rule is not ConsentRule.MINORS:
        return rules.rule is ConsentRule.EVERYBODY
    if date_of_birth is None:
        return rules.unknown_age_is_minor
    return age_on(date_of_birth, today) < rules.age


def age_on(date_of_birth: date, day: date) -> int:
    """Return the age in whole years."""
    had_birthday = (day.month, day.day) >= (date_of_birth.month, date_of_birth.day)
    return day.year - date_of_birth.year - (0 if had_birthday else 1)


def age_band(date_of_birth: date | None, *, today: date) -> AgeBand:
    """Return the band somebody is in today."""
    if date_of_birth is None:
        return AgeBand.UNKNOWN
    age = age_on(date_of_birth, today)
    for below, band in ((13, AgeBand.UNDER_13), (16, AgeBand.FROM_13), (18, AgeBand.FROM_16)):
        if age < below:
            return band
    return AgeBand.ADULT
