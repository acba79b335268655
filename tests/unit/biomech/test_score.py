"""The composite against the method's worked example (section 5.5)."""

import numpy as np
import pytest

from app.biomech.method import BANDS, COMPONENTS, FPPA_CUTOFF_DEG, METHOD_VERSION, TOTAL_WEIGHT
from app.biomech.score import ComponentInput, band_of, compute_risk_score, describe_band
from app.biomech.types import RiskScore, Sex, Side

EXAMPLE = {
    "knee_valgus_displacement": 12.4,
    "knee_ankle_separation_ratio": 0.74,
    "fppa": 15.0,
    "knee_flexion_displacement": 52.0,
    "knee_flexion_at_contact": 24.0,
    "hip_flexion_displacement": 28.0,
    "trunk_flexion_displacement": 12.0,
    "lateral_trunk_lean": 4.0,
    "trunk_flexion_at_contact": 8.0,
    "foot_contact_difference": 12.0,
    "knee_flexion_displacement_symmetry": 94.0,
}
PROBABILITIES = [0.6736, 0.7734, 0.6497, 0.1217, 0.8043, 0.0051, 0.0808, 0.3446, 0.0548, 0.2119, 0.0993]
FRONTAL = [
    "knee_valgus_displacement",
    "knee_ankle_separation_ratio",
    "fppa",
    "lateral_trunk_lean",
    "foot_contact_difference",
]


def score_of(values: dict[str, float], *, se: float | None = None) -> RiskScore:
    score = compute_risk_score(
        [ComponentInput(key=k, side=Side.BOTH, value=v, se=se) for k, v in values.items()]
    )
    assert score is not None
    return score


def test_score_when_the_worked_example_is_computed_then_every_number_matches() -> None:
    score = score_of(EXAMPLE)
    assert score.value == pytest.approx(43.65, abs=0.005)
    np.testing.assert_allclose([c.probability for c in score.components], PROBABILITIES, atol=5e-5)
    assert score.band == "some deviations"
    # The document gives these to about one unit: they come from draws.
    assert score.band_probability == pytest.approx(0.70, abs=0.02)
    assert score.interval_90 == pytest.approx((20.0, 66.0), abs=1.0)
    assert (score.coverage, score.scope) == (1.0, "full")


def test_score_when_only_the_front_was_seen_then_it_is_the_frontal_sub_score_and_says_so() -> None:
    score = score_of({key: EXAMPLE[key] for key in FRONTAL})
    assert score.value == pytest.approx(60.13, abs=0.005)
    assert (score.coverage, score.scope) == (0.60, "frontal")
    assert describe_band(score).startswith("frontal screen: ")


def test_score_when_computed_twice_then_it_is_the_same_to_the_last_bit() -> None:
    assert score_of(EXAMPLE) == score_of(EXAMPLE)


def test_score_when_the_clip_is_noisier_than_usual_then_its_own_error_counts() -> None:
    quiet, noisy = (score_of({"fppa": 20.0}, se=se).components[0].probability for se in (0.1, 10.0))
    assert quiet == score_of({"fppa": 20.0}).components[0].probability
    assert noisy < quiet


def test_score_when_nothing_was_measured_then_there_is_none() -> None:
    assert compute_risk_score([]) is None


def test_score_when_a_cutoff_is_given_then_it_replaces_the_definitions() -> None:
    score = compute_risk_score(
        [ComponentInput(key="fppa", side=Side.LEFT, value=8.0, cutoff=FPPA_CUTOFF_DEG[Sex.MALE])]
    )
    assert score is not None
    assert score.components[0].probability == pytest.approx(0.5)
    assert score.components[0].cutoff == 8.0


def test_components_when_added_up_then_weights_make_the_total_and_each_has_a_source() -> None:
    assert sum(component.weight for component in COMPONENTS.values()) == TOTAL_WEIGHT
    assert all(
        c.mark in "VMP" and c.source and abs(c.direction) == 1 and c.se > 0 for c in COMPONENTS.values()
    )
    assert Sex.UNSPECIFIED not in FPPA_CUTOFF_DEG  # never a pooled cut-off
    assert METHOD_VERSION.count(".") == 2


@pytest.mark.parametrize(("value", "name"), [(0, 0), (29.99, 0), (30, 1), (59.99, 1), (60, 2), (100, 2)])
def test_band_when_a_value_is_at_an_edge_then_the_upper_band_begins_there(value: float, name: int) -> None:
    assert band_of(value) == BANDS[name].name


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (10.0, "borderline within expected range / some deviations"),
        (35.0, "borderline within expected range / some deviations"),
        (55.0, "borderline some deviations / marked deviations"),
        (90.0, "borderline some deviations / marked deviations"),
    ],
)
def test_describe_band_when_it_is_not_certain_then_names_both_neighbours(value: float, words: str) -> None:
    score = RiskScore(
        value=value,
        band=band_of(value),
        band_probability=0.5,
        interval_90=(0.0, 100.0),
        coverage=1.0,
        scope="full",
        components=(),
    )
    assert describe_band(score) == words
