"""The clinic-based nomogram for a high knee-abduction load in the drop jump (Myer 2010, 2011).

A read-out of its own, with its own inputs and its own label; it never enters the score. It answers how
probably the knee-abduction moment in this task is high (over 25.25 Nm in the laboratory), for girls and
women alone: it was made from them. It is not the risk of an injury.
"""

from dataclasses import dataclass

import numpy as np

from app.biomech.types import Sex

LABEL = (
    "Estimated probability of a high knee-abduction load in this task "
    "(laboratory-derived, females 12-18); not injury risk."
)
SOURCE = "Myer 2010 (744 female athletes; sensitivity 73 %, specificity 70 %) [V]; points as transcribed by MedAlg [V]"
SLOPE_PER_POINT = 0.0773
"""``ln(1.38) / 4.1667``: the odds ratio of a centimetre of tibia over its points [D, method section 5.2]."""
MIDDLE_POINTS = 86.0
PUBLISHED_SENSITIVITY, PUBLISHED_SPECIFICITY = 0.73, 0.70


@dataclass(frozen=True, slots=True, kw_only=True)
class InputRange:
    """One input: its range in the nomogram, and points per unit."""

    lower: float
    upper: float
    points_per_unit: float
    offset: float

    def points(self, value: float) -> float:
        """Return the points of a value, clipped to the range."""
        return self.points_per_unit * float(np.clip(value, self.lower, self.upper)) + self.offset


TIBIA_CM = InputRange(lower=26.0, upper=50.0, points_per_unit=4.1667, offset=-108.33)
VALGUS_MOTION_CM = InputRange(lower=0.0, upper=13.0, points_per_unit=4.5385, offset=0.0)
FLEXION_ROM_DEG = InputRange(lower=20.0, upper=90.0, points_per_unit=-0.2857, offset=25.714)
MASS_KG = InputRange(lower=20.0, upper=100.0, points_per_unit=0.394, offset=-7.875)
QUAD_HAM_RATIO = InputRange(lower=0.6, upper=3.6, points_per_unit=6.667, offset=-4.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class NomogramInputs:
    """What the nomogram asks for; standard errors where they are known, 0 where they are not."""

    tibia_cm: float
    """Lateral joint line to lateral malleolus, by tape; never from the picture."""
    mass_kg: float
    valgus_motion_cm: float
    """How far the knee moves inwards from contact to its most medial position."""
    flexion_rom_deg: float
    """Knee flexion from contact to its largest."""
    quad_ham_ratio: float | None = None
    """Quadriceps over hamstrings peak torque; estimated from mass when it was not measured."""
    valgus_motion_se_cm: float = 0.0
    flexion_rom_se_deg: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NomogramReading:
    """The read-out."""

    probability: float
    """0-1, of a knee-abduction moment over 25.25 Nm."""
    interval_90: tuple[float, float]
    """What the measurement errors of valgus motion and flexion do to it; the nomogram's own error is not in it."""
    points: dict[str, float]
    """Per input, clipped to the nomogram's ranges."""
    total_points: float
    quad_ham_estimated: bool
    clipped: tuple[str, ...]
    """Inputs outside the range of the athletes it was made from."""
    label: str = LABEL
    source: str = SOURCE


def read_nomogram(inputs: NomogramInputs, *, sex: Sex) -> NomogramReading | None:
    """Return the read-out, None for anybody who is not female: it was not made from them.

    The five inputs' points are added; ``p = 1 / (1 + exp(-0.0773 (S - 86)))``, the smooth form of the
    published piecewise curve (`piecewise_percent`), which agrees with it within 3 % between its knots.

    Examples
    --------
    >>> inputs = NomogramInputs(tibia_cm=38, mass_kg=60, valgus_motion_cm=5, flexion_rom_deg=55, quad_ham_ratio=1.7)
    >>> reading = read_nomogram(inputs, sex=Sex.FEMALE)
    >>> round(reading.total_points, 1), round(reading.probability, 3)
    (105.8, 0.822)
    """
    if sex is not Sex.FEMALE:
        return None
    for name in ("tibia_cm", "mass_kg"):
        if not getattr(inputs, name) > 0.0:
            msg = f"{name} must be positive, got {getattr(inputs, name)}"
            raise ValueError(msg)
    ratio = inputs.quad_ham_ratio
    values = {
        "tibia_cm": (TIBIA_CM, inputs.tibia_cm),
        "valgus_motion_cm": (VALGUS_MOTION_CM, inputs.valgus_motion_cm),
        "flexion_rom_deg": (FLEXION_ROM_DEG, inputs.flexion_rom_deg),
        "mass_kg": (MASS_KG, inputs.mass_kg),
        "quad_ham_ratio": (
            QUAD_HAM_RATIO,
            surrogate_quad_ham_ratio(inputs.mass_kg) if ratio is None else ratio,
        ),
    }
    points = {name: scale.points(value) for name, (scale, value) in values.items()}
    total = sum(points.values())
    spread = float(
        np.hypot(
            VALGUS_MOTION_CM.points_per_unit * inputs.valgus_motion_se_cm,
            FLEXION_ROM_DEG.points_per_unit * inputs.flexion_rom_se_deg,
        )
    )
    return NomogramReading(
        probability=logistic_probability(total),
        interval_90=(
            logistic_probability(total - 1.645 * spread),
            logistic_probability(total + 1.645 * spread),
        ),
        points=points,
        total_points=total,
        quad_ham_estimated=ratio is None,
        clipped=tuple(
            name for name, (scale, value) in values.items() if not scale.lower <= value <= scale.upper
        ),
    )


def surrogate_quad_ham_ratio(mass_kg: float) -> float:
    """Return the quadriceps to hamstrings ratio that mass suggests, ``1.10 + 0.01 mass`` [M: Myer 2010, 2011].

    Examples
    --------
    >>> round(surrogate_quad_ham_ratio(60.0), 2)
    1.7
    """
    return 1.10 + 0.01 * mass_kg


def logistic_probability(points: float) -> float:
    """Return the probability for a sum of points, 0-1."""
    return float(1.0 / (1.0 + np.exp(-SLOPE_PER_POINT * (points - MIDDLE_POINTS))))


def piecewise_percent(points: float) -> float:
    """Return the published piecewise curve, percent; kept as the oracle of the smooth one.

    Below 58 points it says "<10", over 144 ">99"; those ends are returned as 10 and 99. Between, it jumps
    (0.15 % at 58, 74.7 against 72.7 % at 100), which is why it is not used.

    Examples
    --------
    >>> round(piecewise_percent(78.69), 1)
    36.9
    """
    if points < 58.0:
        return 10.0
    if points <= 100.0:
        return 1.775 * points - 102.8
    if points <= 144.0:
        return -0.0135 * points**2 + 3.921 * points - 184.4
    return 99.0
