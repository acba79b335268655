"""One analysis of one recording, whole: what `plumbline analyse` prints and the API returns."""

from dataclasses import dataclass, fields
from enum import StrEnum
from math import isfinite

from app.biomech.types import (
    Event,
    FlaggedFrame,
    FloatArray,
    Kinematics,
    MethodStamp,
    Metric,
    QualityFinding,
    RiskScore,
    Verdict,
    VideoInfo,
)
from app.services.analysis_curves import shown_kinematics

SCHEMA = "plumbline.analysis/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisRecord:
    """What one method version found in one recording. Never changed once made."""

    verdict: Verdict
    findings: tuple[QualityFinding, ...]
    video: VideoInfo | None
    method: MethodStamp
    events: tuple[Event, ...]
    metrics: tuple[Metric, ...]
    risk_score: RiskScore | None
    flagged_frames: tuple[FlaggedFrame, ...]

    @property
    def shows_knee_angle(self) -> bool:
        """Whether the knee angle may be drawn: an oblique view withholds it, and a picture must not give it away."""
        return any(metric.key == "fppa" and metric.value is not None for metric in self.metrics)


def analysis_document(record: AnalysisRecord, *, kinematics: Kinematics | None = None) -> dict[str, object]:
    """Return the record in the shape of `plumbline.analysis/1`; with kinematics, its series too, but for the withheld.

    Numbers are rounded here and nowhere else, so that the same analysis gives the same bytes everywhere.
    """
    document: dict[str, object] = {
        "schema": SCHEMA,
        "verdict": record.verdict.value,
        "findings": [_rounded(finding) for finding in record.findings],
        "video": None if record.video is None else _video(record.video),
        "method": _rounded(record.method),
        "events": [_rounded(event) for event in record.events],
        "metrics": [_rounded(metric) for metric in record.metrics],
        "risk_score": None if record.risk_score is None else _rounded(record.risk_score),
        "flagged_frames": [_rounded(flagged) for flagged in record.flagged_frames],
    }
    if kinematics is not None:
        shown = shown_kinematics(kinematics, record.metrics)
        document["series"] = {
            "time_s": _numbers(shown.time_s, digits=6),
            **{name: _numbers(values, digits=3) for name, values in shown.series.items()},
        }
    return document


def rounded_metric(metric: Metric) -> dict[str, object]:
    """Return one number as the document holds it."""
    return _rounded(metric)


def rounded_score(score: RiskScore) -> dict[str, object]:
    """Return a score as it stands in an analysis document."""
    return _rounded(score)


_DIGITS = {"time_s": 5, "sd_s": 5}
_DEFAULT_DIGITS = 4


def rounded(value: float | None) -> float | None:
    """Return a number as documents show it."""
    return None if value is None or not isfinite(value) else round(value, _DEFAULT_DIGITS) + 0.0


def _rounded(item: object) -> dict[str, object]:
    """Return a dataclass of plain values as a dict ready for JSON, numbers rounded."""
    return {
        field.name: _plain(getattr(item, field.name), digits=_DIGITS.get(field.name, _DEFAULT_DIGITS))
        for field in fields(item)  # type: ignore[arg-type]  # every caller passes a dataclass
    }


def _plain(value: object, *, digits: int) -> object:
    match value:
        case StrEnum():
            return value.value
        case bool() | int() | str() | None:
            return value
        case float():
            return round(value, digits) + 0.0 if isfinite(value) else None
        case tuple():
            return [_plain(part, digits=digits) for part in value]
        case _:
            return _rounded(value)


def _video(video: VideoInfo) -> dict[str, object]:
    return {
        "width_px": video.width_px,
        "height_px": video.height_px,
        "duration_s": round(video.duration_s, 4),
        "n_frames": video.n_frames,
        "fps_hz": round(video.nominal_fps_hz, 3),
        "codec": video.codec,
        "sha256": video.sha256,
    }


def _numbers(values: FloatArray, *, digits: int) -> list[float | None]:
    """Return an array as a list, rounded, None where not measured; adding 0.0 turns -0.0 into 0.0."""
    return [round(float(value), digits) + 0.0 if isfinite(value) else None for value in values]
