"""One movement of one screening judged over its valid trials: numbers, sides, score, and whether to go on.

The score is that of the mean landing over the trials, never the mean of their scores.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.biomech.asymmetry import (
    Asymmetry,
    LimbSymmetry,
    compare_sides,
    compute_limb_symmetry,
    false_angle_from_errors,
)
from app.biomech.change import Better, direction_of, published_mdc, published_sem
from app.biomech.definitions import IC, LANDING, LOWEST, METRICS, MID_STANCE, PKF
from app.biomech.metrics import LANDMARK_SIDE_SD_DEG, Value
from app.biomech.score import ComponentInput, component_se, compute_risk_score
from app.biomech.trials import (
    SHARED_VARIANCE,
    SINGLE_LEG_MOVEMENTS,
    AggregatedValue,
    TrialAdvice,
    TrialValue,
    advise_trials,
    aggregate_trials,
    recommended_trials,
)
from app.biomech.types import Metric, Movement, RiskScore, ScoreComponent, Side, View

COMPONENT_EVENTS = {"knee_valgus_displacement": LANDING, "fppa": PKF}
"""The instant at which a score component that exists per side is read."""
HEADLINE_EVENTS = frozenset({PKF, LANDING, LOWEST, MID_STANCE})
"""Instants whose numbers decide whether the trials agree; contact and extremes are noisier by nature [P]."""

PLANE = "fppa_frontal"
"""The knee angle in the athlete's own frontal plane, yaw taken out."""

Place = tuple[str, Side, str]
"""Key, side and instant: what a number is, the same in every trial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """What one valid trial showed, all its views together."""

    number: int
    """Of the trial within the screening, from 1."""
    metrics: tuple[Metric, ...]
    risk_score: RiskScore | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricOverTrials:
    """One number over the valid trials."""

    key: str
    side: Side
    event: str
    unit: str
    over_trials: AggregatedValue
    values: tuple[TrialValue, ...]

    @property
    def place(self) -> Place:
        """Return what number it is."""
        return self.key, self.side, self.event

    @property
    def mean(self) -> Value:
        """Return the mean with its standard error."""
        return Value(value=self.over_trials.mean, se=self.over_trials.se)


@dataclass(frozen=True, slots=True, kw_only=True)
class SideComparison:
    """Left against right of one number."""

    key: str
    event: str
    unit: str
    asymmetry: Asymmetry
    limb_symmetry: LimbSymmetry | None
    """Only for quantities on a ratio scale of which more is better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementJudgement:
    """One movement of one screening, over its valid trials."""

    movement: Movement
    n_trials: int
    n_recommended: int
    advice: TrialAdvice
    disagreeing: tuple[Place, ...]
    """Numbers in which the trials differ by more than their error."""
    metrics: tuple[MetricOverTrials, ...]
    sides: tuple[SideComparison, ...]
    risk_score: RiskScore | None

    def value_of(self, metric: MetricOverTrials) -> Value:
        """Return a mean as it may be judged: for one knee, what the athlete's turn can feign is in the error."""
        if metric.side is Side.BOTH:
            return metric.mean
        places = {(side.key, side.event): side.asymmetry.yaw_false for side in self.sides}
        feigned = places.get((metric.key, metric.event), 0.0)
        return Value(value=metric.mean.value, se=float(np.hypot(metric.mean.se, feigned)))


def judge_movement(trials: Sequence[TrialResult], *, movement: Movement) -> MovementJudgement:
    """Return one movement over the valid trials of a screening, which share one method version."""
    metrics = aggregate_metrics(trials)
    disagreeing = tuple(item.place for item in _headlines(metrics) if item.over_trials.disagree)
    sided = {
        (item.key, item.side): item.values for item in metrics if COMPONENT_EVENTS.get(item.key) == item.event
    }
    return MovementJudgement(
        movement=movement,
        n_trials=len(trials),
        n_recommended=recommended_trials(movement),
        advice=advise_trials(
            n_trials=count_performances(trials, movement=movement),
            movement=movement,
            disagree=bool(disagreeing),
        ),
        disagreeing=disagreeing,
        metrics=metrics,
        sides=compare_all_sides(metrics),
        risk_score=score_trials(
            [trial.risk_score for trial in trials if trial.risk_score is not None], sided=sided
        ),
    )


def count_performances(trials: Sequence[TrialResult], *, movement: Movement) -> int:
    """Return how often the movement was seen: repetitions count singly, and of two legs the one seen less."""
    counts: dict[Side, int] = {}
    for trial in trials:
        repetitions: dict[Side, set[int | None]] = {}
        for metric in trial.metrics:
            if metric.value is not None:
                repetitions.setdefault(metric.side, set()).add(metric.repetition)
        for side, seen in repetitions.items():
            counts[side] = counts.get(side, 0) + max(1, len(seen - {None}))
    legs = [counts[side] for side in (Side.LEFT, Side.RIGHT) if side in counts]
    if movement in SINGLE_LEG_MOVEMENTS and legs:
        return min(legs)
    return max(counts.values(), default=0)


def merge_views(views: Iterable[tuple[Metric, ...]]) -> tuple[Metric, ...]:
    """Return the numbers of one trial from the recordings that saw it; of two, the one with the lesser error."""
    found: dict[Place, Metric] = {}
    for metric in (metric for metrics in views for metric in metrics):
        if metric.value is None or metric.se is None or metric.repetition is not None:
            continue
        place = (metric.key, metric.side, metric.event)
        known = found.get(place)
        if known is None or known.se is None or metric.se < known.se:
            found[place] = metric
    return tuple(found.values())


def aggregate_metrics(trials: Sequence[TrialResult]) -> tuple[MetricOverTrials, ...]:
    """Return every number that at least one trial has, over the trials that have it.

    Numbers that the registry does not know (of an older version) are aggregated without published errors.
    """
    gathered: dict[Place, list[TrialValue]] = {}
    units: dict[Place, str] = {}
    for trial in trials:
        for metric in merge_views([trial.metrics]):
            place = (metric.key, metric.side, metric.event)
            units[place] = metric.unit
            if metric.value is not None and metric.se is not None:
                value = TrialValue(number=trial.number, value=metric.value, se=metric.se)
                gathered.setdefault(place, []).append(value)
    return tuple(
        MetricOverTrials(
            key=place[0],
            side=place[1],
            event=place[2],
            unit=units[place],
            over_trials=over_trials,
            values=tuple(values),
        )
        for place, values in gathered.items()
        if (over_trials := _aggregate(place[0], values)) is not None
    )


def _aggregate(key: str, values: Sequence[TrialValue]) -> AggregatedValue | None:
    definition = METRICS.get(key)
    shared = SHARED_VARIANCE.get(key, 1.0)
    if definition is None:
        return aggregate_trials(values, shared_variance=shared)
    direction = direction_of(definition)
    return aggregate_trials(
        values,
        shared_variance=shared,
        typical_sd=published_sem(definition),
        worse={Better.LOWER: 1, Better.HIGHER: -1}.get(direction.better, 0),
        target=direction.target if direction.better is Better.NEARER else None,
    )


def _headlines(metrics: Sequence[MetricOverTrials]) -> list[MetricOverTrials]:
    """Return the numbers that decide whether trials agree: those with a published error, of both knees if there."""
    known = [
        item
        for item in metrics
        if item.event in HEADLINE_EVENTS
        and (definition := METRICS.get(item.key)) is not None
        and published_sem(definition) is not None
    ]
    paired = {(item.key, item.event) for item in known if item.side is Side.BOTH}
    return [item for item in known if item.side is Side.BOTH or (item.key, item.event) not in paired]


def compare_all_sides(metrics: Sequence[MetricOverTrials]) -> tuple[SideComparison, ...]:
    """Return left against right for every number that both sides have."""
    by_place = {item.place: item for item in metrics}
    found = []
    for left in metrics:
        right = by_place.get((left.key, Side.RIGHT, left.event))
        definition = METRICS.get(left.key)
        if left.side is not Side.LEFT or right is None or definition is None:
            continue
        both = by_place.get((left.key, Side.BOTH, left.event))
        is_ratio = definition.is_ratio_scale and definition.higher_is == "better"
        is_turned = definition.unit == "deg" and definition.views == (View.FRONTAL,)
        found.append(
            SideComparison(
                key=left.key,
                event=left.event,
                unit=left.unit,
                asymmetry=compare_sides(
                    left.mean,
                    right.mean,
                    mdc=published_mdc(definition),
                    yaw_false=yaw_false_deg(by_place, left.key, left.event) if is_turned else 0.0,
                    yaw_in_errors=_yaw_in_errors(left, right, both) if is_turned else 0.0,
                ),
                limb_symmetry=compute_limb_symmetry(left.mean, right.mean) if is_ratio else None,
            )
        )
    return tuple(found)


ByPlace = Mapping[Place, MetricOverTrials]


def yaw_false_deg(by_place: ByPlace, key: str, event: str) -> float:
    """Return the false angle that yaw, as estimated and as uncertain, can put on one side of a frontal angle.

    Angles in the picture: half of what taking the yaw out moves the two knees apart, and the uncertainty of
    that. In the athlete's own frontal plane the uncertainty alone remains. A displacement carries what is
    added between contact and the lowest point. An angle without a mean of both, as the thigh's, is taken
    to carry as much as the knee's at that instant. Before there were angles in the athlete's own plane, the
    errors of the knees held it.
    """
    if key == PLANE:
        return _yaw_in_errors(*_sides(by_place, PLANE, event))
    if event == LANDING:
        start, stop = (_yaw_seen(by_place, at) for at in (IC, PKF))
        if start is not None and stop is not None:
            return abs(stop - start) + _yaw_in_errors(*_sides(by_place, PLANE, PKF))
    at = next((at for at in (event, PKF, LOWEST, MID_STANCE) if _yaw_seen(by_place, at) is not None), None)
    seen = None if at is None else _yaw_seen(by_place, at)
    if at is not None and seen is not None:
        return abs(seen) + _yaw_in_errors(*_sides(by_place, PLANE, at))
    return _yaw_in_errors(*_sides(by_place, key, event))


def _sides(by_place: ByPlace, key: str, event: str) -> tuple[MetricOverTrials | None, ...]:
    return tuple(by_place.get((key, side, event)) for side in (Side.LEFT, Side.RIGHT, Side.BOTH))


def _yaw_seen(by_place: ByPlace, event: str) -> float | None:
    """Return the angle by which the estimated yaw lifts the left knee in the picture and lowers the right."""
    moved = [
        (image.over_trials.mean - plane.over_trials.mean)
        for side in (Side.LEFT, Side.RIGHT)
        if (image := by_place.get(("fppa", side, event))) is not None
        and (plane := by_place.get((PLANE, side, event))) is not None
    ]
    return 0.5 * (moved[0] - moved[1]) if len(moved) == 2 else None


def _yaw_in_errors(
    left: MetricOverTrials | None, right: MetricOverTrials | None, both: MetricOverTrials | None
) -> float:
    """Return the part of yaw that the errors of the sides hold: what they have beyond the mean of both."""
    if left is None or right is None or both is None:
        return 0.0
    return false_angle_from_errors(
        left_se=_usual_se(left),
        right_se=_usual_se(right),
        both_se=_usual_se(both),
        side_se=LANDMARK_SIDE_SD_DEG,
    )


def _usual_se(item: MetricOverTrials) -> float:
    return float(np.sqrt(np.mean([value.se**2 for value in item.values])))


SIDED_BY = "knee_valgus_displacement"
"""The component whose larger side is the knee that enters the score."""

SideValues = Mapping[tuple[str, Side], Sequence[TrialValue]]
"""By component key and side: the trials' values of that metric, at the component's instant."""


def score_trials(trials: Sequence[RiskScore], *, sided: SideValues) -> RiskScore | None:
    """Return the score of a screening, None when no trial has one.

    Each component enters with the mean of the trials that measured it. Its error is that of one trial
    (algorithm and day-to-day change, which more trials on one day do not lessen) and the spread of the
    trials over the square root of their number.

    Parameters
    ----------
    trials
        Scores of the valid trials, one method version.
    sided
        Values per side of the components that exist per side, for trials that took different knees: then
        the mean of both knees counts if any trial took it (yaw did not allow a side there), else the knee
        with the larger displacement over all trials.
    """
    parts: dict[str, list[ScoreComponent]] = {}
    for score in trials:
        for part in score.components:
            parts.setdefault(part.key, []).append(part)
    knee = _knee(parts.get(SIDED_BY, []), sided)
    inputs = [_input(found, sided, knee) for found in parts.values()]
    return compute_risk_score([item for item in inputs if item is not None])


def _knee(parts: Sequence[ScoreComponent], sided: SideValues) -> Side:
    """Return the knee that enters the score when trials took different ones."""
    sides = {part.side for part in parts}
    if len(sides) == 1:
        return sides.pop()
    if Side.BOTH in sides or not sides:
        return Side.BOTH
    means = {side: _mean(sided.get((SIDED_BY, side), ())) for side in (Side.LEFT, Side.RIGHT)}
    return Side.LEFT if means[Side.LEFT] >= means[Side.RIGHT] else Side.RIGHT


def _mean(values: Sequence[TrialValue]) -> float:
    return float(np.mean([item.value for item in values])) if values else float("-inf")


def _input(parts: Sequence[ScoreComponent], sided: SideValues, knee: Side) -> ComponentInput | None:
    """Return one component over the trials; None when the knee that counts was not measured in any."""
    side = parts[0].side
    values = [
        TrialValue(number=at, value=part.value, se=component_se(part)) for at, part in enumerate(parts, 1)
    ]
    if any(part.side is not side for part in parts):
        side = knee
        values = list(sided.get((parts[0].key, knee), ()))
    found = aggregate_trials(values)
    if found is None:
        return None
    return ComponentInput(key=parts[0].key, side=side, value=found.mean, se=found.se, cutoff=parts[0].cutoff)
