"""The words of the pages: labels for codes, and numbers as people read them."""

from math import isfinite
from typing import Final

from app.biomech.definitions import METRICS
from app.biomech.frontal_extras import EXTRA_KEYS
from app.biomech.pipeline import MOVEMENTS

EN_DASH: Final = "\N{EN DASH}"
TIMES: Final = "\N{MULTIPLICATION SIGN}"
MINUS: Final = "\N{MINUS SIGN}"
NO_VALUE: Final = EN_DASH

METRIC_LABELS: Final[dict[str, str]] = {key: entry.name for key, entry in METRICS.items()} | {
    "fppa": "Knee angle in the frontal plane (FPPA)",
    "fppa_frontal": "Knee angle in the athlete's own frontal plane",
    "knee_valgus_displacement": "Inward knee motion from contact to lowest point",
    "knee_ankle_separation_ratio": "Knee to ankle separation ratio",
    "knee_separation": "Distance between the knees",
    "lateral_trunk_lean": "Sideways trunk lean",
    "knee_valgus_motion": "Way of the knee inwards",
    "medial_knee_displacement": "Knee inwards of the line from hip to ankle, from contact to its most",
    "knee_over_midfoot": "Knee inwards of the middle of the foot, in per cent of leg length",
    "knee_over_toe": "Knee inwards of the toes, in per cent of leg length",
    "toe_angle": "Toes turned out",
    "hip_adduction": "Thigh turned inwards",
    "stance_width": "Feet apart, against the shoulders",
    "knee_flexion": "Knee bend",
    "hip_flexion": "Hip bend",
    "trunk_flexion": "Forward trunk lean",
    "ankle_plantarflexion": "Ankle: toes pointing down",
    "sagittal_displacement": "Knee, hip and trunk bend together",
    "heel_over_toe": "Heel above toe at first contact, in per cent of leg length",
    "contact_time": "Time on the ground",
    "flight_time": "Time in the air",
    "jump_height": "Jump height",
    "reactive_strength_index": "Reactive strength index",
    "knee_flexion_at_contact": "Knee bend at first contact",
    "knee_flexion_displacement": "Knee bend from contact to lowest point",
    "knee_flexion_displacement_symmetry": "Knee bend, one side in per cent of the other",
    "hip_flexion_displacement": "Hip bend from contact to lowest point",
    "trunk_flexion_at_contact": "Forward trunk lean at first contact",
    "trunk_flexion_displacement": "Forward trunk lean from contact to lowest point",
    "foot_contact_difference": "Time between left and right foot contact",
}

METRIC_HINTS: Final[dict[str, str]] = {
    "fppa": "0° is a straight line from hip to ankle; more than 0° is the knee moving inward (valgus).",
    "knee_valgus_displacement": "How much further inward the knee went after the feet touched the floor.",
    "knee_ankle_separation_ratio": "1.00 is knees as far apart as the ankles; less is knees closer together.",
    "lateral_trunk_lean": "0° is upright.",
    "reactive_strength_index": "Jump height divided by time on the ground.",
    "trunk_lean_to_stance": "More than 0° is the trunk over to the standing leg.",
    "pelvic_drop": "More than 0° is the hip of the free leg lower. Rough: read it as more or less, not in degrees.",
    "summated_trunk_knee_angle": "Trunk lean and knee angle of the standing leg added up.",
    "squat_depth": "How far the hips came down, in per cent of the leg.",
}

INSTANT_LABELS: Final[dict[str, str]] = {
    "standing_start": "Standing still from here",
    "standing_stop": "Standing still to here",
    "step_off": "Leaving the box",
    "initial_contact": "First contact",
    "peak_knee_flexion": "Lowest point",
    "lowest_point": "Lowest point",
    "take_off": "Take-off",
    "second_contact": "Second landing",
    "descent_start": "Start of the repetition",
    "ascent_stop": "End of the repetition",
    "foot_strike": "Foot strike",
    "mid_stance": "Mid-stance",
    "toe_off": "Toe-off",
    "plant": "Plant of the foot",
    "standing": "Standing still",
    "trial": "Whole trial",
    "peak": "Peak",
    "minimum": "Smallest value",
    "peak_valgus": "Knee furthest inward",
    "landing": "Whole landing",
}

SIDE_LABELS: Final[dict[str, str]] = {"left": "Left", "right": "Right", "both": "Both"}

MOVEMENT_LABELS: Final[dict[str, str]] = {
    movement.value: definition.name for movement, definition in MOVEMENTS.items()
}

VIEW_LABELS: Final[dict[str, str]] = {"frontal": "From the front", "sagittal": "From the side"}

OCCASION_LABELS: Final[dict[str, str]] = {
    "baseline": "Baseline",
    "pre_season": "Pre-season",
    "in_season": "In season",
    "return_to_sport": "Return to sport",
    "fatigued": "Fatigued",
    "other": "Other occasion",
}

WHOLE_JUMP: Final = frozenset({"contact_time", "flight_time", "jump_height", "reactive_strength_index"})
"""Measures that span instants rather than belong to one."""

FURTHER_MEASURES: Final = frozenset({*EXTRA_KEYS, "knee_separation"})
"""Measures for whoever goes on with an older series; a first look does without them."""

STAGE_LABELS: Final[dict[str, str]] = {
    "decode": "Reading the video",
    "pose": "Following the athlete",
    "kinematics": "Measuring knee angles",
    "assess": "Scoring the landing",
    "pictures": "Drawing the overlay",
}

MARK_LABELS: Final[dict[str, str]] = {
    "V": "published",
    "M": "published, value not re-read",
    "P": "our own choice",
}

MARK_MEANINGS: Final[dict[str, str]] = {
    "V": "The cut-off stands in a published study that we have read.",
    "M": "The cut-off is quoted from a published study; we have not re-read the number.",
    "P": "No study gives this cut-off. It is our own working choice.",
}

UNIT_FORMATS: Final[dict[str, tuple[str, int]]] = {
    "deg": ("°", 1),
    "s": (" s", 3),
    "ms": (" ms", 0),
    "m": (" m", 3),
    "cm": (" cm", 1),
    "m/s": (" m/s", 2),
    "%": (" %", 0),
    "px": (" px", 0),
    "points": (" points", 1),
    "1/min": (" a minute", 0),
    "cm/px": (" cm per pixel", 3),
    "1": ("", 2),
}


_MB: Final = 1024 * 1024


def label_of(labels: dict[str, str], key: str) -> str:
    """Return the label of a key; an unknown key is spelled out rather than hidden."""
    return labels.get(key, key.replace("_", " ").capitalize())


def instant_text(event: str, repetition: int | None = None) -> str:
    """Return the words for an instant, with the number of the repetition where there are several."""
    label = label_of(INSTANT_LABELS, event)
    return label if repetition is None else f"{label}, {repetition}"


def number_text(value: float | None, *, digits: int) -> str:
    """Return a number with a true minus sign, or a dash when there is none."""
    if value is None or not isfinite(value):
        return NO_VALUE
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def quantity_text(value: float | None, unit: str) -> str:
    """Return a value with its unit."""
    suffix, digits = UNIT_FORMATS.get(unit, (f" {unit}", 2))
    text = number_text(value, digits=digits)
    return text if text == NO_VALUE else f"{text}{suffix}"


def error_text(se: float | None, unit: str) -> str | None:
    """Return a standard error as "± 3.0°", or None."""
    return None if se is None or not isfinite(se) else f"± {quantity_text(se, unit)}"


def percent_text(share: float) -> str:
    """Return a share of 0-1 in per cent."""
    return f"{share * 100:.0f} %"


def size_text(n_bytes: int) -> str:
    """Return a file size as people say it."""
    if n_bytes < _MB:
        return f"{max(1, round(n_bytes / 1024))} kB"
    if n_bytes < 1024 * _MB:
        return f"{number_text(n_bytes / _MB, digits=1).removesuffix('.0')} MB"
    return f"{number_text(n_bytes / _MB / 1024, digits=1).removesuffix('.0')} GB"


def plural(count: int, singular: str, many: str | None = None) -> str:
    """Return "1 athlete", "2 athletes"."""
    return f"{count} {singular if count == 1 else many or singular + 's'}"
