"""The settings page about privacy: each rule in plain words, and what would be removed by it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from app.domain.consent import CONSENT_TEXT, ConsentRule
from app.services.removals import Removals
from app.web.contexts.parts import Choice
from app.web.contexts.privacy import EntryField, PrivacyForm, RemovalNote, Switch
from app.web.privacy_fields import KEPT_DAYS, PrivacyEntries
from app.web.words import plural

_WHO: Final[dict[ConsentRule, tuple[str, str]]] = {
    ConsentRule.NOBODY: ("Nobody", "Every video is analysed. A refusal counts all the same."),
    ConsentRule.MINORS: ("Minors", "A parent or guardian decides for everybody younger than the age below."),
    ConsentRule.EVERYBODY: (
        "Everybody",
        "A parent or guardian decides up to the age below, from then on the athletes themselves.",
    ),
}
_KEPT: Final[dict[str, tuple[str, str]]] = {
    "keep_original_days": ("Videos as uploaded", "They show faces, and can be analysed again."),
    "keep_pictures_days": ("Overlay videos and stills", "What the result page shows beside the numbers."),
    "keep_measures_days": (
        "Everything about a recording",
        "Video, pictures and measures. Only the fact that it existed remains.",
    ),
}
_SWITCHES: Final[dict[str, tuple[str, str]]] = {
    "numbers_only": (
        "Keep the numbers only",
        "Videos and pictures are removed right after the analysis, and those kept so far as soon as you save.",
    ),
    "blur_faces": (
        "Hide faces in overlay videos and stills",
        "The face of everybody in the picture. Pictures made so far are drawn again, or removed where their video is"
        " gone. Coaches no longer see the uploaded video.",
    ),
    "drop_original_after_blur": (
        "Remove the uploaded video after that",
        "Once the pictures are drawn. Where they were drawn before, the video stays for the days above, unless the"
        " athlete refused to show the face.",
    ),
}
_FOR_EVER: Final = "Leave empty to keep them for ever."


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyRequest:
    """What the form is to be shown with."""

    entries: PrivacyEntries
    version: str
    noted: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)
    overtaken: PrivacyEntries | None = None
    """What was entered while somebody else was faster."""


def present_privacy(asked: PrivacyRequest) -> PrivacyForm:
    """Return the form with what stands in it, what is wrong, and what would have been."""
    entries = asked.entries
    return PrivacyForm(
        version=asked.version,
        noted=asked.noted,
        who=tuple(
            Choice(value=rule.value, label=label, chosen=entries.rule == rule, hint=hint)
            for rule, (label, hint) in _WHO.items()
        ),
        who_error=asked.errors.get("rule"),
        age=_entry(asked, "age", "Age of consent", unit="years", hint="From this age on, athletes decide for themselves."),
        unknown_age=Switch(
            name="unknown_age_is_minor",
            label="Treat athletes without a date of birth as minors",
            hint="This holds for videos without an athlete in the inbox, too.",
            is_on=entries.unknown_age_is_minor,
        ),
        waiting=_entry(
            asked,
            "waiting_days",
            "How long a recording waits for consent",
            unit="days",
            hint="Nothing is analysed or shown until then. After that it is erased, as after a withdrawal.",
        ),
        consent_text=_entry(
            asked,
            "consent_text",
            "Your own text",
            unit="optional, else ours",
            hint="Say what is filmed, why, who sees it and how to withdraw. After a change, people are asked about the new"
            " text; earlier decisions stand for the text they were made about.",
        ),
        our_text=CONSENT_TEXT,
        kept=tuple(
            _entry(asked, name, _KEPT[name][0], unit="days", hint=f"{_KEPT[name][1]} {_FOR_EVER}")
            for name in KEPT_DAYS
        ),
        switches=tuple(
            Switch(name=name, label=label, hint=hint, is_on=getattr(entries, name))
            for name, (label, hint) in _SWITCHES.items()
        ),
    )  # fmt: skip


def _entry(asked: PrivacyRequest, name: str, label: str, *, unit: str, hint: str) -> EntryField:
    value = str(getattr(asked.entries, name))
    yours = None if asked.overtaken is None else str(getattr(asked.overtaken, name)).replace("\r\n", "\n")
    return EntryField(
        name=name,
        label=label,
        unit=unit,
        value=value,
        hint=hint,
        error=asked.errors.get(name),
        yours=None if yours is None or yours.strip() == value else yours.strip() or "nothing",
    )


def note_removals(removals: Removals, *, title: str) -> RemovalNote:
    """Return in words what would be removed."""
    groups = (
        (removals.originals, "would lose the video as uploaded"),
        (removals.pictures, "would lose overlay video and stills"),
        (removals.whole, "would be erased whole, measures too"),
        (removals.redrawn, "would have pictures drawn anew, with faces hidden"),
    )
    return RemovalNote(
        title=title, lines=tuple(f"{plural(len(ids), 'recording')} {what}" for ids, what in groups if ids)
    )
