"""The shape of a metric's definition, and words that definitions share."""

from dataclasses import dataclass
from typing import Literal

from app.biomech.types import EventName, Movement, Side, View

Higher = Literal["more valgus", "better", "worse", "neither"]

BOTH_ONLY = (Side.BOTH,)
EACH_SIDE = (Side.LEFT, Side.RIGHT)
EVERY_SIDE = (Side.LEFT, Side.RIGHT, Side.BOTH)
FRONTAL_ONLY = (View.FRONTAL,)
ANY_VIEW = tuple(View)

IC, PKF = EventName.INITIAL_CONTACT.value, EventName.PEAK_KNEE_FLEXION.value
TAKE_OFF, SECOND = EventName.TAKE_OFF.value, EventName.SECOND_CONTACT.value
LOWEST, MID_STANCE, PLANT = (
    EventName.LOWEST_POINT.value,
    EventName.MID_STANCE.value,
    EventName.PLANT.value,
)
PEAK, MINIMUM, LANDING, STANDING, TRIAL = "peak", "minimum", "landing", "standing", "trial"
"""Windows a value may belong to, besides an event: the largest or smallest value in the movement's own
window, the whole landing, quiet standing, the whole trial."""

FLIGHT_MOVEMENTS = (Movement.DROP_VERTICAL_JUMP, Movement.JUMP_LANDING)
LANDINGS = (*FLIGHT_MOVEMENTS, Movement.BILATERAL_DROP_LANDING, Movement.SINGLE_LEG_LANDING)
MUNRO = "Munro 2012: SEM 2.72-3.01 deg, smallest detectable difference 7.54-8.93 deg, 2-D by hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricDefinition:
    """What one key means, the same for every recording and every version from `since_version` on."""

    key: str
    name: str
    unit: str
    """``1`` for a ratio or a count."""
    sides: tuple[Side, ...]
    events: tuple[str, ...]
    """Instants and windows it is read at: event names, ``peak``, ``minimum``, ``landing``, ``standing``, ``trial``."""
    views: tuple[View, ...]
    movements: tuple[Movement, ...] | Literal["any"]
    formula: str
    """In words."""
    sign_convention: str
    """What positive means; empty where the value is never negative."""
    higher_is: Higher
    is_ratio_scale: bool
    """Zero means none of it and it is never negative, so that one side may be given in per cent of the other."""
    mark: str
    reference: str
    """Where the definition comes from; empty for our own."""
    since_version: str
    sem: float | None = None
    """Published standard error of measurement between sessions, in `unit`."""
    mdc: float | None = None
    """Smallest change that is real with 95 % certainty, in `unit`."""
    error_source: str = ""
    """Where `sem` and `mdc` come from, with the mark of that."""
    target: float | None = None
    """Where nothing is left to gain [P]: beyond it, further in the good direction is no better. With
    ``neither``, nearer to it is better from both sides; None with ``neither``: no direction is better."""


def define(
    key: str,
    name: str,
    *,
    unit: str,
    formula: str,
    sides: tuple[Side, ...] = BOTH_ONLY,
    events: tuple[str, ...],
    views: tuple[View, ...] = FRONTAL_ONLY,
    movements: tuple[Movement, ...] | Literal["any"] = "any",
    sign_convention: str = "",
    higher_is: Higher = "neither",
    is_ratio_scale: bool = False,
    mark: str,
    reference: str = "",
    since_version: str = "1.0.0",
    sem: float | None = None,
    mdc: float | None = None,
    error_source: str = "",
    target: float | None = None,
) -> MetricDefinition:
    """Return a definition, with what most of them have in common left out."""
    return MetricDefinition(
        key=key, name=name, unit=unit, sides=sides, events=events, views=views, movements=movements,
        formula=formula, sign_convention=sign_convention, higher_is=higher_is, is_ratio_scale=is_ratio_scale,
        mark=mark, reference=reference, since_version=since_version, sem=sem, mdc=mdc, error_source=error_source,
        target=target,
    )  # fmt: skip


MEDIAL = "Positive: knee medial (valgus), on both sides."
LEAN = "Positive: towards the athlete's left."
