"""An analysis as tables for a terminal of 80 columns: every value with its error, every finding with what to do."""

from math import isfinite

from rich import box
from rich.console import Console
from rich.table import Table

from app.biomech.score import describe_band
from app.biomech.types import Metric, RiskScore, Severity, Verdict
from app.services.analysis_record import AnalysisRecord
from app.web.words import SIDE_LABELS, instant_text, label_of, number_text, percent_text

_VERDICTS = {
    Verdict.VALID: "valid: use it",
    Verdict.ATTENTION: "attention: use it with care, the findings say why",
    Verdict.INVALID: "invalid: film it again, the findings say why and how",
}
_MARKS = {Severity.ERROR: "Error", Severity.WARNING: "Warning", Severity.INFO: "Note"}
_NAMES = {
    "fppa": "Knee angle (FPPA)",
    "knee_valgus_displacement": "Inward knee motion",
    "knee_ankle_separation_ratio": "Knee to ankle ratio",
    "knee_separation": "Knee separation",
    "lateral_trunk_lean": "Sideways trunk lean",
    "knee_valgus_motion": "Knee way inwards",
    "medial_knee_displacement": "Knee off the line",
    "knee_over_midfoot": "Knee over midfoot",
    "knee_over_toe": "Knee over toes",
    "toe_angle": "Toe-out",
    "hip_adduction": "Hip adduction",
    "stance_width": "Stance width",
    "foot_contact_difference": "Between the feet",
    "knee_flexion": "Knee bend",
    "knee_flexion_displacement": "Knee bend, way",
    "hip_flexion": "Hip bend",
    "hip_flexion_displacement": "Hip bend, way",
    "trunk_flexion": "Trunk lean forward",
    "trunk_flexion_displacement": "Trunk lean, way",
    "ankle_plantarflexion": "Ankle, toes down",
    "sagittal_displacement": "Joints together",
    "heel_over_toe": "Heel over toe",
    "contact_time": "Time on the ground",
    "flight_time": "Time in the air",
    "jump_height": "Jump height",
    "reactive_strength_index": "Reactive strength",
}
"""Shorter than on the pages, so that a row fits."""
_DIGITS = {"deg": 1, "cm": 1, "%": 1, "m": 3, "s": 3, "ms": 0}
_COARSE = ("toe_angle",)
"""Known to ten degrees: a decimal would be a lie."""
_UNITS = {"deg": "°"}
_SIDES = ("left", "right", "both")


def print_report(record: AnalysisRecord, *, clip: str) -> None:
    """Print the whole record."""
    out = Console(highlight=False)
    out.print(_facts_table(record, clip=clip))
    if record.events:
        out.print(_events_table(record))
    if record.metrics:
        out.print(_metrics_table(record.metrics))
        out.print("Behind each ± stands one standard error.")
    method = record.method
    out.print(f"Method {method.version}, model {method.model_sha256[:12]}, Plumbline {method.code_version}.")
    out.print("A movement screen: it describes one recording and is no diagnosis.")


def _facts_table(record: AnalysisRecord, *, clip: str) -> Table:
    """Return what was filmed, the verdict, the score and the findings, each with a hanging indent."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column()
    table.add_row("Clip", _escaped(clip))
    if (video := record.video) is not None:
        size = f"{video.width_px} by {video.height_px} pixels, {video.nominal_fps_hz:.0f} frames per second"
        table.add_row("Video", f"{size}, {video.duration_s:.2f} s, {video.codec}")
    table.add_row("Verdict", _VERDICTS[record.verdict])
    if record.risk_score is not None:
        table.add_row("Score", _score_text(record.risk_score))
    for finding in record.findings:
        where = "" if finding.frame is None else f", frame {finding.frame}"
        text = f"{finding.message} {finding.how_to_fix}".strip()
        table.add_row(_MARKS[finding.severity], _escaped(f"{text} ({finding.code}{where})"))
    return table


def _score_text(score: RiskScore) -> str:
    low, high = score.interval_90
    return (
        f"{score.value:.0f} of 100, {describe_band(score)}. 90 % interval {low:.0f} to {high:.0f}."
        f" Higher is further from good landings. Shows {percent_text(score.coverage)} of the full score."
    )


def _events_table(record: AnalysisRecord) -> Table:
    table = _table("Event", "Side", numbers=("Time, s", "Frame"))
    for event in record.events:
        side = label_of(SIDE_LABELS, event.side.value)
        time = _with_error(event.time_s, event.sd_s, digits=3)
        table.add_row(instant_text(event.name.value, event.repetition), side, time, str(event.frame))
    return table


def _metrics_table(metrics: tuple[Metric, ...]) -> Table:
    table = _table("Measurement", "At", numbers=tuple(SIDE_LABELS[side] for side in _SIDES))
    rows: dict[tuple[str, str, int | None], dict[str, Metric]] = {}
    for metric in sorted(metrics, key=lambda metric: metric.repetition or 0):
        rows.setdefault((metric.key, metric.event, metric.repetition), {})[metric.side.value] = metric
    shown = ""
    for (key, event, repetition), cells in rows.items():
        unit = next(iter(cells.values())).unit
        name = "" if key == shown else _name(key, unit=unit)
        shown = key
        values = (_value(cells[side]) if side in cells else "" for side in _SIDES)
        table.add_row(name, instant_text(event, repetition), *values)
    return table


def _table(*words: str, numbers: tuple[str, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in words:  # wrapped rather than cut, so that no number loses its error
        table.add_column(heading)
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _name(key: str, *, unit: str) -> str:
    name = label_of(_NAMES, key)
    return name if unit == "1" else f"{name}, {_UNITS.get(unit, unit)}"


def _value(metric: Metric) -> str:
    digits = 0 if metric.key in _COARSE else _DIGITS.get(metric.unit, 2)
    return _with_error(metric.value, metric.se, digits=digits)


def _with_error(value: float | None, error: float | None, *, digits: int) -> str:
    text = number_text(value, digits=digits)
    if value is None or error is None or not isfinite(error):
        return text
    return f"{text} ± {number_text(error, digits=digits)}"


def _escaped(text: str) -> str:
    """Keep square brackets from being taken for styles."""
    return text.replace("[", r"\[")
