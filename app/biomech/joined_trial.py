"""One trial, judged over everything its recordings show: flexion from the side, valgus from the front.

Works from stored numbers alone (events, metrics, score components), so it needs no new look at a video, and
is the same whenever it is asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.biomech.less import LessScore, evidence_of, score_less
from app.biomech.less_items import Evidence, LimbRule
from app.biomech.score import ComponentInput, component_se, compute_risk_score
from app.biomech.screening import merge_views
from app.biomech.two_views import Join, combine_times, join_views
from app.biomech.types import Event, Metric, RiskScore, Sex, Side, View

IC, LANDING, TAKE_OFF, SECOND = "initial_contact", "landing", "take_off", "second_contact"
SHARED_TIMES = (("contact_time", TAKE_OFF), ("flight_time", SECOND))
"""Times both views measure; jump height and reactive strength follow the flight's better view."""
SIDE_COMPONENTS: tuple[tuple[str, str, str], ...] = (
    ("knee_flexion_displacement", "knee_flexion_displacement", LANDING),
    ("knee_flexion_at_contact", "knee_flexion", IC),
    ("hip_flexion_displacement", "hip_flexion_displacement", LANDING),
    ("trunk_flexion_displacement", "trunk_flexion_displacement", LANDING),
    ("trunk_flexion_at_contact", "trunk_flexion", IC),
)
"""Component of the score, metric it is read from, and its instant."""
SYMMETRY = "knee_flexion_displacement_symmetry"


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewOfTrial:
    """What one recording of a trial showed; of a usable analysis."""

    view: View
    events: tuple[Event, ...]
    metrics: tuple[Metric, ...]
    risk_score: RiskScore | None
    rate_hz: float = 60.0
    clap_s: float | None = None
    """Second at which a clap was heard in it."""
    flash_s: float | None = None
    """Second at which a flash was seen in it."""

    def find(self, key: str, event: str, side: Side | None = None) -> Metric | None:
        """Return a number that was not withheld; of one side, or of any."""
        return next(
            (
                metric
                for metric in self.metrics
                if (metric.key, metric.event) == (key, event)
                and side in (None, metric.side)
                and metric.value is not None
                and metric.se is not None
                and metric.repetition is None
            ),
            None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedTrial:
    """A trial judged over its recordings."""

    join: Join | None
    """None with recordings from one view only."""
    metrics: tuple[Metric, ...]
    risk_score: RiskScore | None
    """Full where a view from the side was joined, else of the front alone."""
    less: LessScore
    evidence: Evidence
    """What the LESS was judged from; the real-time form takes it too."""

    @property
    def is_joined(self) -> bool:
        """Whether two views were put together."""
        return self.join is not None and self.join.is_joined


def join_trial(
    views: Sequence[ViewOfTrial],
    *,
    sex: Sex = Sex.UNSPECIFIED,
    limb_rule: LimbRule = LimbRule.EITHER,
    dominant: Side | None = None,
    cue_s: tuple[float, float] | None = None,
    cue: str = "clap",
) -> JoinedTrial:
    """Return a trial judged over its recordings.

    Recordings from the side that do not fit the one from the front are left out of score and times; the
    LESS then has sub-scores and no total.

    Parameters
    ----------
    views
        Usable recordings of one trial, all measured by one version of the method. Of several from the
        front the first counts; from the side, one of each leg.
    sex, limb_rule, dominant
        Of the athlete, and which leg's errors count.
    cue_s, cue
        Instant of one clap or flash in the front and the first side recording, where somebody placed it.
    """
    front = next((view for view in views if view.view is View.FRONTAL), None)
    sides = _one_of_each_leg([view for view in views if view.view is View.SAGITTAL])
    joins = (
        []
        if front is None
        else [
            join_views(
                front=front.events,
                side=side.events,
                cue_s=cue_s if at == 0 else None,
                cue=cue,
                heard_s=_in_both(front.clap_s, side.clap_s),
                flash_s=_in_both(front.flash_s, side.flash_s),
            )
            for at, side in enumerate(sides)
        ]
    )
    fitting = [side for side, join in zip(sides, joins, strict=False) if join.is_joined]
    used = sides if front is None else fitting
    whole = front is not None and bool(fitting)
    evidence = evidence_of(
        *[view.metrics for view in ([front] if front else []) + sides],
        sex=sex,
        frame_ms=0.0 if front is None else 1000.0 / front.rate_hz,
        limb_rule=limb_rule,
        dominant=dominant,
    )
    return JoinedTrial(
        join=next((join for join in joins if join.is_joined), joins[0] if joins else None),
        metrics=_metrics(front, used),
        risk_score=_score(front, fitting),
        less=score_less(evidence, one_trial=whole or front is None or not sides),
        evidence=evidence,
    )


def _in_both(front_s: float | None, side_s: float | None) -> tuple[float, float] | None:
    """Return when a clap or flash was found in both recordings, None unless it was."""
    return None if front_s is None or side_s is None else (front_s, side_s)


def _one_of_each_leg(sides: Sequence[ViewOfTrial]) -> list[ViewOfTrial]:
    """Return the first recording of each near leg."""
    found: dict[Side, ViewOfTrial] = {}
    for view in sides:
        knee = view.find("knee_flexion", IC) or view.find("knee_flexion", "peak_knee_flexion")
        found.setdefault(Side.BOTH if knee is None else knee.side, view)
    return list(found.values())


def _metrics(front: ViewOfTrial | None, sides: Sequence[ViewOfTrial]) -> tuple[Metric, ...]:
    """Return the numbers of all views; times that two views measured are their mean by error."""
    views = ([front] if front else []) + list(sides)
    merged = {(m.key, m.side, m.event): m for m in merge_views(view.metrics for view in views)}
    if front is not None and sides:
        for key, event in SHARED_TIMES:
            ahead, beside = front.find(key, event), sides[0].find(key, event)
            if ahead is None or beside is None:
                continue
            value, se = combine_times(_pair(ahead), _pair(beside))
            merged[key, ahead.side, event] = Metric(
                key=key, side=ahead.side, value=value, unit=ahead.unit, event=event, se=se
            )
    return tuple(merged.values())


def _pair(metric: Metric) -> tuple[float, float]:
    """Return value and standard error of a number that `ViewOfTrial.find` found."""
    return float(metric.value or 0.0), float(metric.se or 0.0)


def _score(front: ViewOfTrial | None, sides: Sequence[ViewOfTrial]) -> RiskScore | None:
    """Return the composite over both views; that of the front as it stands without a fitting one from the side."""
    if front is None or front.risk_score is None or not sides:
        return None if front is None else front.risk_score
    inputs = [
        ComponentInput(
            key=part.key, side=part.side, value=part.value, se=component_se(part), cutoff=part.cutoff
        )
        for part in front.risk_score.components
    ]
    for component, key, event in SIDE_COMPONENTS:
        found = [metric for side in sides if (metric := side.find(key, event)) is not None]
        if found:
            worst = min(
                found, key=lambda metric: _pair(metric)[0]
            )  # less flexion is further from good landings
            value, se = _pair(worst)
            inputs.append(ComponentInput(key=component, side=worst.side, value=value, se=se))
    symmetry = _knee_symmetry(sides)
    return compute_risk_score(inputs if symmetry is None else [*inputs, symmetry])


def _knee_symmetry(sides: Sequence[ViewOfTrial]) -> ComponentInput | None:
    """Return the smaller knee flexion displacement in percent of the larger, where each leg had its own camera."""
    legs = [side.find("knee_flexion_displacement", LANDING) for side in sides]
    pairs = [_pair(leg) for leg in legs if leg is not None]
    if len(pairs) < 2 or min(value for value, _ in pairs) <= 0.0:
        return None
    (small, small_se), (large, large_se) = sorted(pairs)
    ratio = 100.0 * small / large
    return ComponentInput(
        key=SYMMETRY,
        side=Side.BOTH,
        value=ratio,
        se=float(ratio * np.hypot(small_se / small, large_se / large)),
    )
