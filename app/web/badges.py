"""Bands, verdicts and findings as words with an icon. The wording is the method's: never safe, never an injury risk."""

import re
from typing import Final

from app.biomech.score import describe_band
from app.biomech.types import QualityFinding, RiskScore, Severity, Verdict
from app.domain.lifecycle import RecordingState
from app.web.contexts.parts import Badge, Tone
from app.web.contexts.results import FindingCard
from app.web.words import percent_text

FRONTAL: Final = "frontal"

_BANDS: Final[tuple[tuple[str, Tone, str, str], ...]] = (
    (
        "within expected range",
        Tone.GOOD,
        "check",
        "The landing is like those we look for. Keep up landing training all the same: it helps everybody.",
    ),
    (
        "some deviations",
        Tone.SOME,
        "half",
        "Give coaching feedback on the landing and screen again in six to eight weeks. This pattern can be trained.",
    ),
    (
        "marked deviations",
        Tone.MARKED,
        "full",
        "Plan an individual training programme and consider a review by a clinician. This pattern can be trained.",
    ),
)
_BORDERLINE_NOTE: Final = (
    "The measurement error does not let us choose one band. Film two more jumps before you act on it."
)


def band_badge(score: RiskScore) -> Badge:
    """Return the band as a badge, how probable it is as the note; that it is frontal only stands beside it."""
    words = describe_band(score).removeprefix("frontal screen: ")
    tone, icon, _ = _band_look(score.band)
    is_borderline = words != score.band
    of_which = f" for {score.band}" if is_borderline else ""
    return Badge(
        tone=tone,
        icon="half" if is_borderline else icon,
        text=_shorten(words),
        note=f"{percent_text(score.band_probability)} probable{of_which}",
    )


def band_note(score: RiskScore) -> str:
    """Return what to do about a band."""
    return _BORDERLINE_NOTE if "borderline" in describe_band(score) else _band_look(score.band)[2]


def _shorten(words: str) -> str:
    """Return the words as a label; two bands that share a word say it once."""
    text = re.sub(
        r"borderline (\w+) deviations / (\w+) deviations", r"borderline: \1 / \2 deviations", words
    ).replace("borderline within", "borderline: within")
    return text[:1].upper() + text[1:]


def _band_look(words: str) -> tuple[Tone, str, str]:
    return next((tone, icon, note) for name, tone, icon, note in _BANDS if name in words)


_VERDICTS: Final[dict[Verdict, Badge]] = {
    Verdict.VALID: Badge(tone=Tone.GOOD, icon="check", text="Good video"),
    Verdict.ATTENTION: Badge(tone=Tone.SOME, icon="alert", text="Use with care"),
    Verdict.INVALID: Badge(tone=Tone.AGAIN, icon="again", text="Film again"),
}


def verdict_badge(verdict: Verdict) -> Badge:
    """Return whether the recording can be used."""
    return _VERDICTS[verdict]


def state_badge(state: RecordingState) -> Badge | None:
    """Return the badge of a recording that ended without a result, or None."""
    match state:
        case RecordingState.REJECTED:
            return _VERDICTS[Verdict.INVALID]
        case RecordingState.FAILED:
            return Badge(tone=Tone.AGAIN, icon="cross", text="Not analysed")
        case RecordingState.PURGED:
            return Badge(tone=Tone.AGAIN, icon="cross", text="Deleted")
        case _:
            return None


_FINDINGS: Final[dict[Severity, tuple[Tone, str, str]]] = {
    Severity.ERROR: (Tone.AGAIN, "again", "Film again"),
    Severity.WARNING: (Tone.SOME, "alert", "Use with care"),
    Severity.INFO: (Tone.NEUTRAL, "info", "Good to know"),
}


def finding_card(finding: QualityFinding, *, still_href: str | None) -> FindingCard:
    """Return a finding ready to be shown."""
    tone, icon, label = _FINDINGS[finding.severity]
    return FindingCard(
        tone=tone,
        icon=icon,
        label=label,
        code=finding.code,
        message=finding.message,
        how_to_fix=finding.how_to_fix,
        still_href=still_href,
    )
