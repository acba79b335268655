"""Bands, verdicts and findings as words with an icon. The wording is the method's: never safe, never an injury risk."""

import re
from typing import Final

from app.biomech.types import QualityFinding, Severity, Verdict
from app.domain.lifecycle import RecordingState
from app.web.contexts import Badge, FindingCard, Tone
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
_FRONTAL_NOTE: Final = (
    "From the front alone only part of the score can be seen, so there is no band for the whole."
)


def band_badge(band: str, *, probability: float | None) -> Badge:
    """Return the band as a badge, its probability as the note."""
    tone, icon, _ = _band_look(band)
    text = band_text(band)
    note = None if probability is None else f"{percent_text(probability)} probable"
    return Badge(tone=tone, icon=icon, text=text, note=note)


def band_text(band: str) -> str:
    """Return the band's name as a label; two bands that share a word say it once."""
    text = re.sub(
        r"borderline (\w+) deviations ?/ ?(\w+) deviations", r"borderline: \1 / \2 deviations", band
    )
    return text[:1].upper() + text[1:]


def band_note(band: str) -> str:
    """Return what to do about a band."""
    return _band_look(band)[2]


def _band_look(band: str) -> tuple[Tone, str, str]:
    plain = band.lower()
    if "borderline" in plain:
        tone = Tone.MARKED if "marked" in plain else Tone.SOME
        return tone, "half", _BORDERLINE_NOTE
    for name, tone, icon, note in _BANDS:
        if name in plain:
            return tone, icon, note
    return Tone.NEUTRAL, "view", _FRONTAL_NOTE


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
