"""Reference values that show their work, and "no suitable norm" where there is none.

A published norm is used only for the sex, ages, movement and instant it was made from; it is never
pooled over the sexes and never stretched to children. An organisation's own norms begin at 20 athletes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from app.biomech.metrics import Value
from app.biomech.normal import normal_share_below
from app.biomech.statistics import Interval, wilson_interval
from app.biomech.types import Movement, Sex

MIN_TEAM_SIZE = 20
"""Athletes from which an organisation's own values serve as a norm [P]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Norm:
    """One published reference: a band, or mean and standard deviation, and all that limits it."""

    key: str
    """Of the metric."""
    events: tuple[str, ...]
    """Instants it is for."""
    movement: Movement
    sex: Sex
    ages: tuple[int, int]
    """Years, both included."""
    level: str
    n: int
    """Athletes behind it."""
    unit: str
    band: tuple[float, float] | None = None
    """What the source calls normal."""
    mean: float | None = None
    sd: float | None = None
    definition_sd: float = 0.0
    """How far our landmarks may read off those of the source, same unit."""
    landmarks: str
    """What was digitised there."""
    source: str
    caveat: str
    mark: str
    """``V`` published and read, ``M`` from memory of the paper."""


_HERRINGTON_MUNRO = "Herrington & Munro 2010, Phys Ther Sport 11:56, doi:10.1016/j.ptsp.2009.11.004"
_SKIN_MARKERS = "proximal thigh, mid patella and mid malleoli, digitised by hand in the picture"
_OFFSET = (
    "Made with skin landmarks; pose landmarks are near the joint centres and read up to about 3 degrees"
    " differently. Called the average normal range by its source, without percentiles."
)
_SKIN_SD_DEG = 3.0
"""3 cm at the hip over 55 cm of thigh [D, method section 3.1]."""
_NOYES = "Noyes 2005, Am J Sports Med (drop-jump screening test), sportsmetrics.org"
_NOYES_CAVEAT = (
    "Video at 3.66 m, distance in centimetres by a scale in the picture: an error of the scale goes into it"
    " in full. Wider athletes have wider knees."
)
_BEUTLER = "Beutler 2009, J Sports Sci Med 8:663 (JUMP-ACL)"
_RATER_SD_ERRORS = 1.5
"""How far an automatic total may be from a trained rater's: mean absolute error 1.23 in 320 landings (DEEP-LESS) times
1.253 [D]; ours has not been held against raters."""
LESS_TOTAL = "less_total"
"""Key of the LESS among the norms; it is a count of errors and no metric of an analysis."""


def _fppa(movement: Movement, sex: Sex, band: tuple[float, float]) -> Norm:
    return Norm(
        key="fppa", events=("peak_knee_flexion",), movement=movement, sex=sex, ages=(18, 28),
        level="healthy and active, university", n=100, unit="deg", band=band, definition_sd=_SKIN_SD_DEG,
        landmarks=_SKIN_MARKERS, source=_HERRINGTON_MUNRO, caveat=f"{_OFFSET} n counts both sexes.", mark="V",
    )  # fmt: skip


def _separation(sex: Sex, *, mean: float, sd: float, n: int) -> Norm:
    return Norm(
        key="knee_separation", events=("peak_knee_flexion", "minimum"), movement=Movement.DROP_VERTICAL_JUMP,
        sex=sex, ages=(11, 19), level="school and club athletes", n=n, unit="cm", mean=mean, sd=sd,
        definition_sd=1.0, landmarks="centres of the patellae at landing, digitised by hand",
        source=_NOYES, caveat=_NOYES_CAVEAT, mark="V",
    )  # fmt: skip


def _less(sex: Sex, *, mean: float, sd: float) -> Norm:
    return Norm(
        key=LESS_TOTAL, events=("landing",), movement=Movement.JUMP_LANDING, sex=sex, ages=(17, 23),
        level="military cadets", n=2753, unit="errors", mean=mean, sd=sd, definition_sd=_RATER_SD_ERRORS,
        landmarks="video from the front and the side, scored by trained raters", source=_BEUTLER,
        caveat="Scored by people, of jump-landings alone: a drop vertical jump has no such reference. n counts both "
        "sexes; the ages are those of a military academy, from memory.", mark="M",
    )  # fmt: skip


PUBLISHED: tuple[Norm, ...] = (
    _fppa(Movement.DROP_VERTICAL_JUMP, Sex.FEMALE, (7.0, 13.0)),
    _fppa(Movement.DROP_VERTICAL_JUMP, Sex.MALE, (3.0, 8.0)),
    _fppa(Movement.SINGLE_LEG_LANDING, Sex.FEMALE, (5.0, 12.0)),
    _fppa(Movement.SINGLE_LEG_LANDING, Sex.MALE, (1.0, 9.0)),
    _separation(Sex.FEMALE, mean=23.0, sd=9.0, n=325),
    _separation(Sex.MALE, mean=22.0, sd=8.0, n=130),
    _less(Sex.FEMALE, mean=5.34, sd=1.51),
    _less(Sex.MALE, mean=4.65, sd=1.69),
)
"""Every published norm in use. A new one is a new entry."""


class NoNormReason(StrEnum):
    """Why there is no suitable norm."""

    NOT_PUBLISHED = "not_published"
    SEX_UNKNOWN = "sex_unknown"
    AGE_UNKNOWN = "age_unknown"
    OTHER_SEX = "other_sex"
    OTHER_AGE = "other_age"
    OTHER_MOVEMENT = "other_movement"
    NO_TEAM = "no_team"
    TEAM_TOO_SMALL = "team_too_small"
    NO_TOTAL = "no_total"


NO_NORM: dict[NoNormReason, str] = {
    NoNormReason.NOT_PUBLISHED: "No study we know of gives reference values for this number.",
    NoNormReason.SEX_UNKNOWN: "Reference values differ between women and men and are never pooled; the sex is not known.",
    NoNormReason.AGE_UNKNOWN: "Reference values belong to an age; the date of birth is not known.",
    NoNormReason.OTHER_SEX: "The reference values there are belong to the other sex.",
    NoNormReason.OTHER_AGE: "The reference values there are belong to people of another age.",
    NoNormReason.OTHER_MOVEMENT: "The reference values there are belong to another movement or instant.",
    NoNormReason.NO_TEAM: "The athlete is in no team.",
    NoNormReason.NO_TOTAL: "Published totals need all seventeen items, from the front and from the side.",
    NoNormReason.TEAM_TOO_SMALL: f"Own reference values begin at {MIN_TEAM_SIZE} athletes of one sex.",
}
"""What is said to the user."""


class Position(StrEnum):
    """Where a value lies against a reference."""

    BELOW = "below"
    TYPICAL = "typical"
    ABOVE = "above"


@dataclass(frozen=True, slots=True, kw_only=True)
class NormResult:
    """A value against one published norm."""

    norm: Norm
    band: tuple[float, float]
    """Of the norm; mean plus and minus one standard deviation where the source gives those."""
    position: Position
    probability: float
    """That the true value lies where `position` says, measurement and landmarks considered, 0-1."""
    percentile: float | None
    """0-100, share of the reference with lower values; None where the source gives a band alone."""
    percentile_interval: Interval | None
    """90 % interval, from the error of the value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoNorm:
    """There is no suitable norm, which is an answer too."""

    reason: NoNormReason
    message: str


def find_norm(
    value: Value, *, key: str, event: str, movement: Movement, sex: Sex, age_years: float | None
) -> NormResult | NoNorm:
    """Return where a value lies against the published norm for this person, or why there is none.

    Parameters
    ----------
    value
        Mean over the valid trials with its standard error, in the metric's unit.
    age_years
        On the day of the screening; None when not known, which means no norm.

    Examples
    --------
    >>> woman, man = (find_norm(Value(value=9.0, se=3.0), key="fppa", event="peak_knee_flexion",
    ...     movement=Movement.DROP_VERTICAL_JUMP, sex=sex, age_years=21) for sex in (Sex.FEMALE, Sex.MALE))
    >>> woman.position.value, man.position.value
    ('typical', 'above')
    """
    of_metric = [norm for norm in PUBLISHED if norm.key == key]
    fitting = [norm for norm in of_metric if norm.movement is movement and event in norm.events]
    if not of_metric:
        return no_norm(NoNormReason.NOT_PUBLISHED)
    if not fitting:
        return no_norm(NoNormReason.OTHER_MOVEMENT)
    if sex is Sex.UNSPECIFIED:
        return no_norm(NoNormReason.SEX_UNKNOWN)
    if age_years is None:
        return no_norm(NoNormReason.AGE_UNKNOWN)
    of_sex = [norm for norm in fitting if norm.sex is sex]
    if not of_sex:
        return no_norm(NoNormReason.OTHER_SEX)
    of_age = [norm for norm in of_sex if norm.ages[0] <= int(age_years) <= norm.ages[1]]
    if not of_age:
        return no_norm(NoNormReason.OTHER_AGE)
    return _place(value, max(of_age, key=lambda norm: norm.n))


def no_norm(reason: NoNormReason) -> NoNorm:
    """Return that there is no suitable norm, with the words for it."""
    return NoNorm(reason=reason, message=NO_NORM[reason])


def _place(value: Value, norm: Norm) -> NormResult:
    """Return a value's place against a norm."""
    low, high = _band(norm)
    error = max(float(np.hypot(value.se, norm.definition_sd)), 1e-9)
    below = normal_share_below((low - value.value) / error)
    above = normal_share_below((value.value - high) / error)
    position, probability = Position.TYPICAL, 1.0 - below - above
    if value.value < low:
        position, probability = Position.BELOW, below
    elif value.value > high:
        position, probability = Position.ABOVE, above
    percentile = interval = None
    if norm.mean is not None and norm.sd is not None:
        ends = (value.value - 1.644854 * error, value.value + 1.644854 * error)
        centred = [(x - norm.mean) / norm.sd for x in (value.value, *ends)]
        percentile, bottom, top = (100.0 * normal_share_below(z) for z in centred)
        interval = Interval(low=bottom, high=top)
    return NormResult(
        norm=norm,
        band=(low, high),
        position=position,
        probability=probability,
        percentile=percentile,
        percentile_interval=interval,
    )


def _band(norm: Norm) -> tuple[float, float]:
    if norm.band is not None:
        return norm.band
    if norm.mean is None or norm.sd is None:
        msg = f"the norm for {norm.key} holds neither a band nor mean and standard deviation"
        raise ValueError(msg)
    return norm.mean - norm.sd, norm.mean + norm.sd


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamNorm:
    """A value against the organisation's own athletes of the same sex."""

    n: int
    """Athletes behind it, each counted once."""
    percentile: float
    """0-100, share of them with lower values; equal ones count half."""
    interval_95: Interval
    """Of the percentile, from the number of athletes (Wilson)."""
    median: float


def place_in_team(value: float, others: Sequence[float]) -> TeamNorm | NoNorm:
    """Return where a value lies among an organisation's own athletes, or why that is not said.

    Parameters
    ----------
    value
        Of this athlete.
    others
        Latest value of every athlete of the same sex, measured in the same way; this athlete's own
        may be among them.
    """
    known = np.array([other for other in others if np.isfinite(other)])
    if known.size < MIN_TEAM_SIZE:
        return no_norm(NoNormReason.TEAM_TOO_SMALL)
    lower = float(np.sum(known < value) + 0.5 * np.sum(known == value))
    share = wilson_interval(round(lower), int(known.size))
    return TeamNorm(
        n=int(known.size),
        percentile=100.0 * lower / known.size,
        interval_95=Interval(low=100.0 * share.low, high=100.0 * share.high),
        median=float(np.median(known)),
    )


def describe_norm(result: NormResult | NoNorm) -> str:
    """Return a place against a norm in one sentence, its source and size with it."""
    if isinstance(result, NoNorm):
        return f"No suitable norm: {result.message}"
    norm = result.norm
    who = f"{'women' if norm.sex is Sex.FEMALE else 'men'} of {norm.ages[0]} to {norm.ages[1]} years, {norm.level}"
    where = {
        Position.BELOW: "lower than typical for",
        Position.TYPICAL: "typical for",
        Position.ABOVE: "higher than typical for",
    }[result.position]
    low, high = result.band
    return f"{where.capitalize()} {who}: {low:g} to {high:g} {norm.unit} (n = {norm.n}, {norm.source})."


def describe_team_norm(result: TeamNorm | NoNorm) -> str:
    """Return a place among the organisation's own athletes in one sentence, their number with it."""
    if isinstance(result, NoNorm):
        return f"No own reference: {result.message}"
    ends = f"{result.interval_95.low:.0f} to {result.interval_95.high:.0f}"
    return (
        f"Higher than {result.percentile:.0f} % of the team (95 % interval {ends}; n = {result.n}, same sex)."
    )
