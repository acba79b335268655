"""A landing filmed from the side: the near limb's paths, its contact by toe or heel, and what is reported."""

from dataclasses import dataclass, replace

import numpy as np

from app.biomech import checks, events
from app.biomech.events import Instant
from app.biomech.kinematics import SIDES, prepare_paths
from app.biomech.landing import CLEARANCE_LEGS, Landing, gravity_px_s2
from app.biomech.metrics import Value, make_metric
from app.biomech.movements.base import Trial
from app.biomech.quality import make_finding
from app.biomech.sagittal import FLAT_S, SagittalMeasurement, knee_gain_of
from app.biomech.side_on import SideOn, find_side_on, near_limb_track
from app.biomech.types import EventName, FloatArray, Kinematics, Metric, QualityFinding, Side
from app.biomech.view import Yaw

SIDE_DEG = 90.0
TURN_WARNING_DEG = 20.0
"""Turn from square to the side from which 80 deg of flexion read more than 3 deg low [D, cosine]."""
TURN_LIMIT_DEG = 40.0
"""Turn from which no flexion is reported: 80 deg read 65 [D]."""
HEEL_FIRST_S = 0.015
"""A heel that reaches the floor this much before the toe makes the contact [P]; the model draws a fast heel
towards the floor, so a smaller lead proves nothing."""
STEP_OFF_SIDE_SD_S = 0.050
"""The hidden foot may leave the box last [D, own rendered landing: 53 ms]."""
MAX_FLIPS = 3
"""Changes of the legs' naming in one clip that pass without a word [P]."""

UNKNOWN_TURN_DEG = 15.0
"""Where the track holds no sign of it [P]."""
SIDE_ERRORS = frozenset({"view_not_sagittal", "landing_not_tracked", "feet_out_of_frame"})
"""Findings with which no flexion is reported."""

SAGITTAL_KEYS = (
    "knee_flexion",
    "knee_flexion_displacement",
    "hip_flexion",
    "hip_flexion_displacement",
    "trunk_flexion",
    "trunk_flexion_displacement",
    "ankle_plantarflexion",
    "sagittal_displacement",
    "heel_over_toe",
)

IC, PKF = EventName.INITIAL_CONTACT.value, EventName.PEAK_KNEE_FLEXION.value
LANDING = "landing"


@dataclass(frozen=True, slots=True, kw_only=True)
class SideView:
    """A trial as the camera at the side sees it: one limb, whoever's it is."""

    trial: Trial
    """With the near limb's paths under both names."""
    near: SideOn

    @classmethod
    def of(cls, trial: Trial) -> "SideView | None":
        """Return the near limb's view of a trial, None when nothing says which way the athlete faces."""
        near = find_side_on(trial.track)
        if near is None:
            return None
        paths = replace(prepare_paths(near_limb_track(trial.track, near)), doubt=trial.paths.doubt)
        # The size was judged from both legs; the hidden one may not have been seen at all.
        known = tuple(finding for finding in trial.findings if finding.code != "athlete_too_small")
        findings = (*known, *checks.check_size(paths))
        return cls(trial=replace(trial, paths=paths, findings=findings), near=near)

    def settle(self, landing: Landing) -> Landing:
        """Return the landing of the near foot alone, its contact by whichever of toe and heel came first."""
        side = self.near.side

        def own(instants: dict[Side, Instant]) -> dict[Side, Instant]:
            found = instants.get(side) or next(iter(instants.values()), None)
            return {} if found is None else {side: found}

        contact = own(landing.contact)
        heel = self._heel_contact(landing)
        if heel is not None and heel.time_s < contact[side].time_s - HEEL_FIRST_S:
            contact = {side: heel}
        step_off = landing.step_off
        if step_off is not None:
            step_off = replace(step_off, sd_s=max(step_off.sd_s, STEP_OFF_SIDE_SD_S))
        return replace(
            landing,
            contact=contact,
            take_off=own(landing.take_off),
            second_contact=own(landing.second_contact),
            step_off=step_off,
        )

    def _heel_contact(self, landing: Landing) -> Instant | None:
        """Return when the heel meets the floor, by the same fit as the toe."""
        paths, around = self.trial.paths, landing.first_contact.time_s
        height = -paths.foot(self.near.side, "HEEL")[:, 1]
        floor = _median_in(paths.time_s, height, around + FLAT_S[0], around + FLAT_S[1])
        if not np.isfinite(floor):
            return None
        near = (paths.time_s > around - 0.4) & (paths.time_s < around + 0.12)
        found = events.find_floor_crossing(
            paths.time_s[near],
            height[near] - floor,
            clearance=CLEARANCE_LEGS * paths.leg_px,
            gravity=gravity_px_s2(paths, self.trial.context),
            noise=paths.jitter_px,
            landing=True,
        )
        return None if found is None else replace(found, sd_s=paths.doubt.instant_sd_s(found.sd_s))

    def measure(self, landing: Landing, yaw: Yaw | None) -> SagittalMeasurement:
        """Return the measurement of a settled landing, with its lowest point put where the knee bends most."""
        measurement = SagittalMeasurement(
            paths=self.trial.paths,
            landing=landing,
            near=self.near,
            turn_deg=UNKNOWN_TURN_DEG if yaw is None else float(np.hypot(turn_of(yaw), yaw.sd_deg)),
            knee_gain=knee_gain_of(self.trial.track.source.estimator),
            placed_peak=self.trial.placed.get((EventName.PEAK_KNEE_FLEXION, Side.BOTH, None)),
        )
        peak = measurement.peak
        if peak is None or measurement.placed_peak is not None:
            return measurement
        paths = self.trial.paths
        sd_s = paths.doubt.instant_sd_s(float(np.hypot(peak.sd_s, 0.25 / paths.rate_hz)))
        return replace(measurement, landing=replace(landing, lowest=replace(peak, sd_s=sd_s)))

    def check(self, yaw: Yaw | None) -> list[QualityFinding]:
        """Return what is wrong with the view and with the legs' naming."""
        findings = []
        turn = 0.0 if yaw is None else turn_of(yaw)
        if yaw is not None and turn > TURN_LIMIT_DEG:
            findings.append(make_finding("view_not_sagittal", turn_deg=turn, sd_deg=yaw.sd_deg))
        elif yaw is not None and turn > TURN_WARNING_DEG:
            findings.append(make_finding("athlete_not_side_on", turn_deg=turn, sd_deg=yaw.sd_deg))
        if self.near.n_flips > MAX_FLIPS:
            n_frames = int(np.count_nonzero(self.near.exchanged))
            frame = int(np.flatnonzero(np.diff(self.near.exchanged.astype(np.int8)))[0]) + 1
            findings.append(make_finding("left_right_swapped", n_frames=n_frames, frame=frame))
        return findings


def turn_of(yaw: Yaw) -> float:
    """Return how far a view is from square to the side, degrees, 0 to 90.

    Examples
    --------
    >>> turn_of(Yaw(yaw_deg=-85.0, sd_deg=2.0))
    5.0
    """
    return abs(abs(yaw.yaw_deg) - SIDE_DEG)


def with_sagittal_series(kinematics: Kinematics, measurement: SagittalMeasurement | None) -> Kinematics:
    """Return the series with those of the near limb, as they are when it was not measured; the hidden leg's are NaN."""
    if measurement is None:
        return kinematics
    nothing = np.full(measurement.time_s.shape, np.nan)
    series = dict(kinematics.series) | {"trunk_flexion_deg": measurement.series["trunk_flexion"]}
    for side in SIDES:
        for key in ("knee_flexion", "hip_flexion", "ankle_plantarflexion"):
            own = side is measurement.near.side
            series[f"{key}_{side.value}_deg"] = measurement.series[key] if own else nothing.copy()
    return replace(kinematics, series=series)


def sagittal_metrics(measurement: SagittalMeasurement, *, withheld: bool) -> list[Metric]:
    """Return the sagittal metrics, without their numbers when the view does not allow them."""
    m, side = measurement, measurement.near.side
    entries: list[tuple[str, Side, str, Value | None]] = []
    for key in ("knee_flexion", "hip_flexion", "trunk_flexion"):
        whose = Side.BOTH if key == "trunk_flexion" else side
        entries += [
            (key, whose, IC, m.at_contact(key)),
            (key, whose, PKF, m.at_peak(key)),
            (f"{key}_displacement", whose, LANDING, m.displacement(key)),
        ]
    entries += [
        ("ankle_plantarflexion", side, IC, m.at_contact("ankle_plantarflexion")),
        ("ankle_plantarflexion", side, PKF, m.at_peak("ankle_plantarflexion")),
        ("sagittal_displacement", side, LANDING, m.total_displacement()),
        ("heel_over_toe", side, IC, m.heel_over_toe()),
    ]
    return [
        make_metric(key, whose, None if withheld else value, event=event)
        for key, whose, event, value in entries
    ]


def _median_in(time_s: FloatArray, path: FloatArray, start_s: float, stop_s: float) -> float:
    """Return the median of a path in a window, NaN when nothing was measured there."""
    inside = path[(time_s >= start_s) & (time_s <= stop_s)]
    inside = inside[np.isfinite(inside)]
    return float(np.median(inside)) if inside.size else float("nan")
