"""The numbers of a landing on both feet: frontal ones, times, and the score."""

import numpy as np

from app.biomech import metrics
from app.biomech.frontal import KNEE_DISTANCE_SD, NEARER_KNEES_SD
from app.biomech.frontal_extras import FrontalExtras
from app.biomech.held import sway
from app.biomech.kinematics import SIDES
from app.biomech.landing import Landing
from app.biomech.landmark_model import landmark_model_of
from app.biomech.measurement import LandingMeasurement
from app.biomech.method import FPPA_CUTOFF_DEG
from app.biomech.metrics import Value, make_metric
from app.biomech.movements.base import Trial
from app.biomech.scale import Scale, scale_from_box, scale_from_stature
from app.biomech.score import ComponentInput, compute_risk_score
from app.biomech.types import EventName, Metric, RiskScore, Sex, Side

IC, PKF = EventName.INITIAL_CONTACT.value, EventName.PEAK_KNEE_FLEXION.value
PEAK, MINIMUM, LANDING = "peak", "minimum", "landing"
SIDE_VALUE_YAW_DEG = 3.0
"""Largest false angle by yaw with which the worse knee enters the score; else the mean (method section 5.5)."""


def find_scale(trial: Trial, landing: Landing) -> Scale | None:
    """Return the scale at the landing spot: from stature, else from the box, else None."""
    if trial.context.stature_cm is not None:
        return scale_from_stature(
            trial.context.stature_cm,
            leg_px=trial.paths.leg_px,
            model=landmark_model_of(trial.track.source),
        )
    if trial.context.box_height_cm is not None and landing.box_px > 0.0:
        return scale_from_box(trial.context.box_height_cm, box_px=landing.box_px)
    return None


def frontal_metrics(measurement: LandingMeasurement, scale: Scale | None, *, withheld: bool) -> list[Metric]:
    """Return the frontal metrics, without their numbers when the view does not allow them."""
    m = measurement
    lowest_s, lowest_sd_s = m.lowest_s, m.landing.lowest.sd_s
    contact_s, contact_sd_s = m.landing.first_contact.time_s, m.landing.first_contact.sd_s
    entries: list[tuple[str, Side, str, Value | None]] = []
    for side in (Side.LEFT, Side.RIGHT, Side.BOTH):
        entries += [
            ("fppa", side, IC, m.fppa_at_contact(side)),
            ("fppa", side, PKF, m.fppa_at(side, lowest_s, sd_s=lowest_sd_s)),
            ("fppa", side, PEAK, m.fppa_peak(side)),
            ("knee_valgus_displacement", side, LANDING, m.displacement(side)),
            ("fppa_frontal", side, IC, m.frontal_at(side, contact_s, sd_s=contact_sd_s)),
            ("fppa_frontal", side, PKF, m.frontal_at(side, lowest_s, sd_s=lowest_sd_s)),
            ("fppa_frontal", side, PEAK, m.frontal_peak(side)),
        ]
    entries += [
        ("knee_ankle_separation_ratio", Side.BOTH, IC, m.ratio_at(contact_s, sd_s=contact_sd_s)),
        ("knee_ankle_separation_ratio", Side.BOTH, PKF, m.ratio_at(lowest_s, sd_s=lowest_sd_s)),
        ("knee_ankle_separation_ratio", Side.BOTH, MINIMUM, m.least_ratio()),
    ]
    for event, at_s in ((IC, contact_s), (PKF, lowest_s), (MINIMUM, m.least_knee_separation_s())):
        entries.append(("knee_separation", Side.BOTH, event, _knee_separation(m, scale, at_s)))
    entries += [
        ("lateral_trunk_lean", Side.BOTH, IC, m.lean_at(contact_s, sd_s=contact_sd_s)),
        ("lateral_trunk_lean", Side.BOTH, PKF, m.lean_at(lowest_s, sd_s=lowest_sd_s)),
        ("lateral_trunk_lean", Side.BOTH, PEAK, m.largest_lean()),
    ]
    return [
        make_metric(key, side, None if withheld else value, event=event)
        for key, side, event, value in entries
    ]


def extras_of(measurement: LandingMeasurement, scale: Scale | None) -> FrontalExtras:
    """Return the further frontal numbers, in centimetres where a scale is known."""
    return FrontalExtras(
        measurement=measurement,
        cm_per_px=None if scale is None else scale.cm_per_px,
        scale_sd=0.0 if scale is None else float(np.hypot(scale.relative_sd, NEARER_KNEES_SD)),
    )


def _knee_separation(m: LandingMeasurement, scale: Scale | None, at_s: float) -> Value | None:
    """Return the distance between the knees in centimetres, None without a scale."""
    if scale is None:
        return None
    centimetres = m.knee_separation_at(at_s) * scale.cm_per_px
    own = m.errors.separation_se_px() * scale.cm_per_px
    relative = np.hypot(scale.relative_sd, KNEE_DISTANCE_SD)
    return Value(value=centimetres, se=float(np.hypot(own, relative * centimetres)))


def timing_metrics(landing: Landing, *, withheld: bool) -> list[Metric]:
    """Return the times and what follows from them."""
    last, again = landing.last_take_off, landing.first_second_contact
    first = landing.first_contact
    contact = flight = height = index = None
    if last is not None and not withheld:
        contact = metrics.time_between(first, last)
        if again is not None:
            flight = metrics.time_between(last, again)
            height = metrics.jump_height_m(flight)
            index = metrics.reactive_strength_index(height, contact)
    again_event = EventName.SECOND_CONTACT.value
    return [
        make_metric("contact_time", Side.BOTH, contact, event=EventName.TAKE_OFF.value),
        make_metric("flight_time", Side.BOTH, flight, event=again_event),
        make_metric("jump_height", Side.BOTH, height, event=again_event),
        make_metric("reactive_strength_index", Side.BOTH, index, event=again_event),
    ]


def held_metrics(trial: Trial, landing: Landing, *, withheld: bool) -> list[Metric]:
    """Return how quietly a landing is held."""
    value = sway(trial.paths, lowest_s=landing.lowest.time_s)
    return [make_metric("landing_sway", Side.BOTH, None if withheld else value, event=LANDING)]


def score_landing(measurement: LandingMeasurement, sex: Sex) -> RiskScore | None:
    """Return the composite of what a frontal view shows; the knee angle only where the sex is known."""
    m = measurement
    inputs: list[ComponentInput] = []
    side = m.score_side(limit_deg=SIDE_VALUE_YAW_DEG)
    displacement = m.displacement(side)
    if displacement is not None:
        inputs.append(
            _input("knee_valgus_displacement", side, m.with_yaw_error(side, displacement, m.lowest_s))
        )
    inputs.append(
        _input("knee_ankle_separation_ratio", Side.BOTH, m.ratio_at(m.lowest_s, sd_s=m.landing.lowest.sd_s))
    )
    if sex in FPPA_CUTOFF_DEG:
        fppa = m.fppa_at(side, m.lowest_s, sd_s=m.landing.lowest.sd_s)
        inputs.append(
            _input("fppa", side, m.with_yaw_error(side, fppa, m.lowest_s), cutoff=FPPA_CUTOFF_DEG[sex])
        )
    lean = m.largest_lean()
    inputs.append(_input("lateral_trunk_lean", Side.BOTH, Value(value=abs(lean.value), se=lean.se)))
    contacts = m.landing.contact
    if len(contacts) == len(SIDES):
        left, right = contacts[Side.LEFT], contacts[Side.RIGHT]
        gap = Value(
            value=1000.0 * abs(left.time_s - right.time_s), se=1000.0 * float(np.hypot(left.sd_s, right.sd_s))
        )
        inputs.append(_input("foot_contact_difference", Side.BOTH, gap))
    return compute_risk_score([item for item in inputs if np.isfinite(item.value)])


def _input(key: str, side: Side, value: Value, *, cutoff: float | None = None) -> ComponentInput:
    return ComponentInput(key=key, side=side, value=value.value, se=value.se, cutoff=cutoff)
