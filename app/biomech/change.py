"""Real change or noise: one screening against another.

A difference counts only when it exceeds what repeated measurement of an unchanged athlete would show
(minimal detectable change, 95 %), and only between screenings taken in the same way. Everything else is
"within measurement error" or "not comparable", and says why.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from app.biomech.definitions import METRICS, MetricDefinition
from app.biomech.method import COMPONENTS
from app.biomech.normal import normal_point, normal_share_below
from app.biomech.score import component_se
from app.biomech.statistics import Z95, Interval
from app.biomech.types import Movement, RiskScore, ScoreComponent, View

BOX_TOLERANCE_CM = 1.0
"""Boxes of 30 and 31 cm are one and the same in the literature [P]."""
FRONTAL_COMPONENTS = frozenset({"knee_valgus_displacement", "knee_ankle_separation_ratio", "fppa"})
"""Score components read off the same knees at the same time: their errors are taken as going together [P]."""


class Better(StrEnum):
    """Which way a metric has to go to be better."""

    LOWER = "lower"
    HIGHER = "higher"
    NEARER = "nearer"
    """To its target, from either side."""
    NEITHER = "neither"


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """What counts as better."""

    better: Better
    target: float | None = None
    """Beyond it, in the good direction, nothing is left to gain: a knee that is straight is not bettered
    by bowing outwards."""

    def gain(self, before: float, after: float) -> float:
        """Return by how much it became better, negative when worse; NaN where neither is better.

        Examples
        --------
        >>> Direction(better=Better.LOWER, target=0.0).gain(12.0, -5.0)
        12.0
        >>> Direction(better=Better.NEARER, target=0.0).gain(-6.0, 2.0)
        4.0
        """
        match self.better:
            case Better.LOWER:
                floor = -np.inf if self.target is None else self.target
                return float(max(before, floor) - max(after, floor))
            case Better.HIGHER:
                ceiling = np.inf if self.target is None else self.target
                return float(min(after, ceiling) - min(before, ceiling))
            case Better.NEARER:
                target = self.target or 0.0
                return float(abs(before - target) - abs(after - target))
            case Better.NEITHER:
                return float("nan")


def direction_of(definition: MetricDefinition) -> Direction:
    """Return what counts as better for a metric of the registry.

    Examples
    --------
    >>> from app.biomech.definitions import METRICS
    >>> [direction_of(METRICS[key]).better.value for key in ("fppa", "jump_height", "lateral_trunk_lean", "contact_time")]
    ['lower', 'higher', 'nearer', 'neither']
    """
    match definition.higher_is:
        case "better":
            better = Better.HIGHER
        case "worse" | "more valgus":
            better = Better.LOWER
        case "neither":
            better = Better.NEITHER if definition.target is None else Better.NEARER
    return Direction(better=better, target=definition.target)


def published_sem(definition: MetricDefinition) -> float | None:
    """Return the published standard error of measurement of a metric, from its MDC where only that is known."""
    if definition.sem is not None:
        return definition.sem
    return None if definition.mdc is None else float(definition.mdc / (Z95 * np.sqrt(2.0)))


def published_mdc(definition: MetricDefinition) -> float | None:
    """Return the published minimal detectable change of a metric, from its SEM where only that is known."""
    if definition.mdc is not None:
        return definition.mdc
    return None if definition.sem is None else float(definition.sem * Z95 * np.sqrt(2.0))


class ChangeVerdict(StrEnum):
    """What became of a number between two screenings."""

    IMPROVED = "improved"
    WORSE = "worse"
    WITHIN_ERROR = "within_measurement_error"
    NOT_COMPARABLE = "not_comparable"


class Obstacle(StrEnum):
    """Why two numbers cannot be compared."""

    NO_EARLIER_SCREENING = "no_earlier_screening"
    NOT_MEASURED = "not_measured"
    MOVEMENT = "movement"
    METHOD_VERSION = "method_version"
    POSE_MODEL = "pose_model"
    VIEW = "view"
    BOX_HEIGHT = "box_height"
    CONTEXT = "context"
    SIDE_DEFINITION = "side_definition"
    SCORE_PARTS = "score_parts"
    NO_BETTER_DIRECTION = "no_better_direction"


OBSTACLES: dict[Obstacle, str] = {
    Obstacle.NO_EARLIER_SCREENING: "There is no other screening to compare with.",
    Obstacle.NOT_MEASURED: "One of the screenings does not hold this number.",
    Obstacle.MOVEMENT: "The movements differ.",
    Obstacle.METHOD_VERSION: "Different method versions measured them; analyse the older one again to compare.",
    Obstacle.POSE_MODEL: "Different pose models measured them; analyse the older one again to compare.",
    Obstacle.VIEW: "The cameras stood differently.",
    Obstacle.BOX_HEIGHT: "The boxes had different heights, or one of them is not known.",
    Obstacle.CONTEXT: "The occasions differ: a fatigued athlete is not compared with a fresh one.",
    Obstacle.SIDE_DEFINITION: "One number is of one knee, the other of the other knee or of both.",
    Obstacle.SCORE_PARTS: "The scores are made of different parts.",
    Obstacle.NO_BETTER_DIRECTION: "The number changed by more than its error, but neither way is better in itself.",
}
"""What is said to the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """How a movement was measured in a screening."""

    movement: Movement
    views: frozenset[View]
    box_height_cm: float | None
    """NaN where the trials of the screening had different ones."""
    context: str
    method_version: str
    model_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A number of a screening: the mean of its valid trials."""

    value: float
    se: float
    """Standard error of the mean, same unit."""
    n_trials: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of one number, in its unit."""

    verdict: ChangeVerdict
    obstacles: tuple[Obstacle, ...]
    """Why not comparable; empty otherwise."""
    before: Reading | None
    after: Reading | None
    difference: float | None = None
    """After less before."""
    interval_95: Interval | None = None
    """Of the difference; leaves out zero exactly when the difference exceeds `mdc95`."""
    mdc95: float | None = None
    mdc_source: str = ""
    """Where `mdc95` comes from."""
    probability_improved: float | None = None
    """That the true value became better at all, 0-1; None where neither direction is better."""


OWN_ERRORS = "the errors of these recordings alone; day-to-day change is not in it"
LARGER_ERRORS = "the errors of these recordings, which are larger than the published ones"


def find_obstacles(before: Conditions, after: Conditions) -> tuple[Obstacle, ...]:
    """Return every reason why numbers of two screenings cannot be compared; empty when they can."""
    differs = {
        Obstacle.MOVEMENT: before.movement is not after.movement,
        Obstacle.METHOD_VERSION: before.method_version != after.method_version,
        Obstacle.POSE_MODEL: before.model_sha256 != after.model_sha256,
        Obstacle.VIEW: before.views != after.views,
        Obstacle.BOX_HEIGHT: not _same_box(before.box_height_cm, after.box_height_cm),
        Obstacle.CONTEXT: before.context != after.context,
    }
    return tuple(obstacle for obstacle, found in differs.items() if found)


def _same_box(before: float | None, after: float | None) -> bool:
    """Say whether two boxes are alike; two that are not known are taken to be."""
    if before is None or after is None:
        return before is after
    return bool(abs(before - after) <= BOX_TOLERANCE_CM)


def compare_readings(
    before: Reading | None,
    after: Reading | None,
    *,
    direction: Direction,
    mdc: float | None,
    mdc_source: str = "",
    obstacles: tuple[Obstacle, ...] = (),
) -> Change:
    """Return what became of one number, and whether it is more than noise.

    Parameters
    ----------
    before, after
        Means over the valid trials of each screening; None where it was not measured.
    direction
        What counts as better.
    mdc
        Published minimal detectable change (95 %), same unit, which holds day-to-day change; None where
        nobody published one.
    obstacles
        From `find_obstacles`.

    Notes
    -----
    The error of the difference is ``sqrt(max(SEM, SE_1)^2 + max(SEM, SE_2)^2)`` with the published SEM,
    ``mdc / (1.96 sqrt(2))``: a clip that is noisier than those of the study counts with its own error.
    The probability of true improvement is ``Phi(gain / error)``.
    """
    if before is None or after is None:
        found = obstacles or (Obstacle.NOT_MEASURED,)
        return Change(verdict=ChangeVerdict.NOT_COMPARABLE, obstacles=found, before=before, after=after)
    if obstacles:
        return Change(verdict=ChangeVerdict.NOT_COMPARABLE, obstacles=obstacles, before=before, after=after)
    sem = 0.0 if mdc is None else mdc / (Z95 * np.sqrt(2.0))
    error = float(np.hypot(max(sem, before.se), max(sem, after.se)))
    larger = mdc is not None and max(before.se, after.se) > sem
    source = LARGER_ERRORS if larger else mdc_source or OWN_ERRORS
    return _judge(
        before, after, gain=direction.gain(before.value, after.value), error=error, mdc_source=source
    )


def _judge(before: Reading, after: Reading, *, gain: float, error: float, mdc_source: str) -> Change:
    """Return the change with its verdict."""
    difference = after.value - before.value
    mdc95 = Z95 * error
    verdict = ChangeVerdict.WITHIN_ERROR
    obstacles: tuple[Obstacle, ...] = ()
    if abs(gain) > mdc95:
        verdict = ChangeVerdict.IMPROVED if gain > 0.0 else ChangeVerdict.WORSE
    elif abs(difference) > mdc95:
        verdict = ChangeVerdict.NOT_COMPARABLE
        obstacles = (Obstacle.NO_BETTER_DIRECTION,)
    return Change(
        verdict=verdict,
        obstacles=obstacles,
        before=before,
        after=after,
        difference=difference,
        interval_95=Interval(low=difference - mdc95, high=difference + mdc95),
        mdc95=mdc95,
        mdc_source=mdc_source,
        probability_improved=None if np.isnan(gain) else normal_share_below(gain / error),
    )


def compare_scores(
    before: RiskScore | None,
    after: RiskScore | None,
    *,
    n_trials: tuple[int, int],
    obstacles: tuple[Obstacle, ...] = (),
) -> Change:
    """Return what became of the score; comparable only when it is made of the same parts and sides.

    Its error is how far the score would wander if the athlete were filmed again unchanged
    (`repeat_error`), not the 90 % interval of the score, which answers another question: on which side
    of their cut-offs the true values lie.
    """
    readings = [
        None if score is None else Reading(value=score.value, se=repeat_error(score), n_trials=n)
        for score, n in zip((before, after), n_trials, strict=True)
    ]
    if before is not None and after is not None:
        obstacles = (*obstacles, *_score_obstacles(before, after))
    return compare_readings(
        *readings,
        direction=Direction(better=Better.LOWER, target=0.0),
        mdc=None,
        mdc_source=SCORE_SOURCE,
        obstacles=obstacles,
    )


SCORE_SOURCE = "the error of each part, day-to-day change included, carried through the score [D]"


def _score_obstacles(before: RiskScore, after: RiskScore) -> tuple[Obstacle, ...]:
    parts = [{part.key: part.side for part in score.components} for score in (before, after)]
    if parts[0].keys() != parts[1].keys() or before.scope != after.scope:
        return (Obstacle.SCORE_PARTS,)
    return () if parts[0] == parts[1] else (Obstacle.SIDE_DEFINITION,)


_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(61)


def repeat_error(score: RiskScore) -> float:
    """Return the standard deviation of the score over repeated measurements of an unchanged athlete.

    Each part contributes ``w * Phi(z)``, ``z`` the distance from its cut-off in standard errors. Measured
    again, ``z`` wanders by what differs between sessions, the published standard error of measurement,
    over the error it was judged with, which also holds what stays the same (landmarks). By 1 where no
    such error is published, or the clip was noisier than usual. Errors of the frontal knee parts are
    taken as going together, all others as independent.

    Examples
    --------
    >>> from app.biomech.types import ScoreComponent, Side
    >>> part = ScoreComponent(key="lateral_trunk_lean", side=Side.BOTH, value=5.0, unit="deg", cutoff=5.0,
    ...                       probability=0.5, weight=10.0, mark="P")
    >>> score = RiskScore(value=50.0, band="", band_probability=1.0, interval_90=(0, 100), coverage=0.1,
    ...                   scope="frontal", components=(part,))
    >>> round(repeat_error(score), 2)  # Phi of a standard normal is uniform: 100 / sqrt(12)
    28.87
    """
    total = sum(part.weight for part in score.components)
    together, alone = 0.0, 0.0
    for part in score.components:
        z = normal_point(min(max(part.probability, 1e-9), 1.0 - 1e-9))
        spread = 100.0 * part.weight / total * _probability_sd(z, wander=_wander(part))
        if part.key in FRONTAL_COMPONENTS:
            together += spread
        else:
            alone += spread**2
    return float(np.sqrt(together**2 + alone))


def _wander(part: ScoreComponent) -> float:
    """Return by how many of its own standard errors a part differs between sessions, at most 1."""
    definition = METRICS.get(part.key)
    sem = None if definition is None else published_sem(definition)
    usual = COMPONENTS[part.key].se
    if sem is None or component_se(part) > 1.001 * usual:
        return 1.0
    return min(1.0, sem / usual)


def _probability_sd(z: float, *, wander: float) -> float:
    """Return the standard deviation of ``Phi(z + e)`` with a normal ``e`` of this standard deviation."""
    share = _WEIGHTS / _WEIGHTS.sum()
    values = np.array([normal_share_below(z + wander * node) for node in _NODES])
    mean = float(share @ values)
    return float(np.sqrt(max(0.0, share @ (values - mean) ** 2)))


_DIGITS = {"errors": 1, "deg": 1, "points": 0, "cm": 1, "%": 1, "ms": 0, "m": 3, "s": 3}


def describe_change(change: Change, *, unit: str) -> str:
    """Return a change in one sentence.

    Examples
    --------
    >>> change = compare_readings(Reading(value=15.0, se=2.0, n_trials=3), Reading(value=5.0, se=2.0, n_trials=3),
    ...                           direction=Direction(better=Better.LOWER, target=0.0), mdc=8.0)
    >>> describe_change(change, unit="deg")
    'Improved: -10.0 deg (95 % interval -18.0 to -2.0), more than measurement error (8.0 deg).'
    """
    if change.difference is None or change.interval_95 is None or change.mdc95 is None:
        return _why_not(change)
    digits, named = _DIGITS.get(unit, 2), "" if unit == "1" else f" {unit}"
    low, high = change.interval_95.low, change.interval_95.high
    amount = f"{change.difference:+.{digits}f}{named} (95 % interval {low:+.{digits}f} to {high:+.{digits}f})"
    error = f"{change.mdc95:.{digits}f}{named}"
    match change.verdict:
        case ChangeVerdict.NOT_COMPARABLE:
            return f"{amount}. {_why_not(change)}"
        case ChangeVerdict.WITHIN_ERROR:
            return f"Within measurement error: {amount}; only more than {error} would be a real change."
        case _:
            return f"{change.verdict.value.capitalize()}: {amount}, more than measurement error ({error})."


def _why_not(change: Change) -> str:
    return " ".join(OBSTACLES[obstacle] for obstacle in change.obstacles)
