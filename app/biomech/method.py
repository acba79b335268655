"""The frozen, versioned method: cut-offs, weights and bands, each with where it comes from.

Provenance marks: ``V`` published and read, ``M`` from memory of the named paper, ``P`` our own
proposal without a published threshold. A `P` is never shown as a clinical cut-off. Anything in this
package that can move a number belongs to the method, so a change of it changes `METHOD_VERSION`.
"""

from dataclasses import dataclass

from app.biomech.types import Sex

METHOD_VERSION = "1.5.0"
"""Carried by every number."""

SEED = 20240517
"""Of the draws behind band probability and interval; fixed, so that results can be reproduced."""
TOTAL_WEIGHT = 100.0
MIN_TOTAL_COVERAGE = 0.70
"""Least share of the weight that may carry a total [P]; a frontal clip reaches 0.60."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A range of the score and what to say about it."""

    lower: float
    """Scores from here on, up to the next band."""
    name: str
    advice: str


BANDS: tuple[Band, ...] = (
    Band(lower=0.0, name="within expected range", advice="Keep the team's normal training."),
    Band(lower=30.0, name="some deviations", advice="Coach feedback on landings."),
    Band(lower=60.0, name="marked deviations", advice="Individual programme; consider a clinician's review."),
)
"""[P, method section 5.5]"""
CERTAIN_BAND = 0.80
"""A band with less probability than this is printed as borderline [P]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentDefinition:
    """One part of the composite."""

    unit: str
    cutoff: float
    direction: int
    """+1: beyond the cut-off means larger; -1: smaller."""
    weight: float
    se: float
    """Least standard error: algorithm and day-to-day together [P, method section 5.5]."""
    mark: str
    source: str


COMPONENTS: dict[str, ComponentDefinition] = {
    "knee_valgus_displacement": ComponentDefinition(
        unit="deg",
        cutoff=10.6,
        direction=1,
        weight=20.0,
        se=4.0,
        mark="V",
        source="Holden 2017: 10.6 deg or more predicted patellofemoral pain in 76 girls (sensitivity 0.75, specificity 0.85)",
    ),
    "knee_ankle_separation_ratio": ComponentDefinition(
        unit="1",
        cutoff=0.80,
        direction=-1,
        weight=15.0,
        se=0.08,
        mark="P",
        source="Mizner 2012: best 2-D correlate of knee abduction moment; the cut-off is ours",
    ),
    "fppa": ComponentDefinition(
        unit="deg",
        cutoff=13.0,
        direction=1,
        weight=10.0,
        se=5.2,
        mark="V",
        source="Herrington & Munro 2010: top of the normal range, 7-13 deg women, 3-8 deg men (n = 100)",
    ),
    "knee_flexion_displacement": ComponentDefinition(
        unit="deg",
        cutoff=45.0,
        direction=-1,
        weight=12.0,
        se=6.0,
        mark="M",
        source="LESS item 12 (Padua 2009); stiff landings: Leppänen 2017",
    ),
    "knee_flexion_at_contact": ComponentDefinition(
        unit="deg", cutoff=30.0, direction=-1, weight=6.0, se=7.0, mark="V", source="LESS item 1"
    ),
    "hip_flexion_displacement": ComponentDefinition(
        unit="deg",
        cutoff=10.0,
        direction=-1,
        weight=6.0,
        se=7.0,
        mark="P",
        source="LESS item 13; the number is ours",
    ),
    "trunk_flexion_displacement": ComponentDefinition(
        unit="deg",
        cutoff=5.0,
        direction=-1,
        weight=6.0,
        se=5.0,
        mark="P",
        source="LESS item 14; the number is ours",
    ),
    "lateral_trunk_lean": ComponentDefinition(
        unit="deg",
        cutoff=5.0,
        direction=1,
        weight=10.0,
        se=2.5,
        mark="P",
        source="LESS item 6; the number is ours",
    ),
    "trunk_flexion_at_contact": ComponentDefinition(
        unit="deg", cutoff=0.0, direction=-1, weight=5.0, se=5.0, mark="V", source="LESS item 3"
    ),
    "foot_contact_difference": ComponentDefinition(
        unit="ms",
        cutoff=20.0,
        direction=1,
        weight=5.0,
        se=10.0,
        mark="P",
        source="LESS item 11; the number is ours",
    ),
    "knee_flexion_displacement_symmetry": ComponentDefinition(
        unit="%", cutoff=85.0, direction=-1, weight=5.0, se=7.0, mark="M", source="Limb symmetry convention"
    ),
}
"""The Landing Control Index, method section 5.5: weights are consensus choices, not fitted to any outcome."""

FPPA_CUTOFF_DEG: dict[Sex, float] = {Sex.FEMALE: 13.0, Sex.MALE: 8.0}
"""Top of the normal range in the drop jump (Herrington & Munro 2010) [V]; never pooled over the sexes."""
