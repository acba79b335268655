"""The nomogram against its published worked examples and its piecewise original."""

import numpy as np
import pytest

from app.biomech.nomogram import (
    NomogramInputs,
    logistic_probability,
    piecewise_percent,
    read_nomogram,
    surrogate_quad_ham_ratio,
)
from app.biomech.types import Sex

FIRST = NomogramInputs(
    tibia_cm=38.0, mass_kg=60.0, valgus_motion_cm=5.0, flexion_rom_deg=55.0, quad_ham_ratio=1.7
)
SECOND = NomogramInputs(
    tibia_cm=36.0, mass_kg=55.0, valgus_motion_cm=2.0, flexion_rom_deg=65.0, quad_ham_ratio=1.65
)


@pytest.mark.parametrize(
    ("inputs", "points", "total", "piecewise", "logistic"),
    [
        (FIRST, (50.00, 22.69, 10.00, 15.77, 7.33), 105.80, 79.3, 82.2),
        (SECOND, (41.67, 9.08, 7.14, 13.80, 7.00), 78.69, 36.9, 36.2),
    ],
)
def test_reading_when_the_inputs_are_the_worked_ones_then_the_points_are_the_published_ones(
    inputs: NomogramInputs, points: tuple[float, ...], total: float, piecewise: float, logistic: float
) -> None:
    reading = read_nomogram(inputs, sex=Sex.FEMALE)
    assert reading is not None
    assert list(reading.points) == [
        "tibia_cm",
        "valgus_motion_cm",
        "flexion_rom_deg",
        "mass_kg",
        "quad_ham_ratio",
    ]
    # The published points are rounded to two places.
    np.testing.assert_allclose(list(reading.points.values()), points, atol=0.011)
    assert reading.total_points == pytest.approx(total, abs=0.02)
    assert 100.0 * reading.probability == pytest.approx(logistic, abs=0.1)
    assert piecewise_percent(reading.total_points) == pytest.approx(piecewise, abs=0.1)
    assert not reading.quad_ham_estimated
    assert "not injury risk" in reading.label


@pytest.mark.parametrize("sex", [Sex.MALE, Sex.UNSPECIFIED])
def test_reading_when_the_athlete_is_not_female_then_there_is_none(sex: Sex) -> None:
    assert read_nomogram(FIRST, sex=sex) is None


@pytest.mark.parametrize(("points", "p"), [(58, 0.103), (70, 0.225), (86, 0.5), (100, 0.747), (120, 0.933)])
def test_curve_when_read_at_its_anchors_then_it_is_the_stated_one(points: float, p: float) -> None:
    assert logistic_probability(points) == pytest.approx(p, abs=0.001)


def test_curve_when_compared_with_the_piecewise_one_then_they_agree_between_the_knots() -> None:
    inner = np.arange(70.0, 140.0)
    gap = [100.0 * logistic_probability(s) - piecewise_percent(s) for s in inner]
    assert np.max(np.abs(gap)) < 5.0
    assert piecewise_percent(20.0) == 10.0
    assert piecewise_percent(200.0) == 99.0


def test_reading_when_a_ratio_is_missing_or_an_input_is_out_of_range_then_it_is_said() -> None:
    inputs = NomogramInputs(tibia_cm=55.0, mass_kg=60.0, valgus_motion_cm=-1.0, flexion_rom_deg=55.0)
    reading = read_nomogram(inputs, sex=Sex.FEMALE)
    assert reading is not None
    assert reading.quad_ham_estimated
    assert surrogate_quad_ham_ratio(60.0) == pytest.approx(1.7)
    assert reading.clipped == ("tibia_cm", "valgus_motion_cm")
    assert reading.points["tibia_cm"] == pytest.approx(4.1667 * 50.0 - 108.33)
    with pytest.raises(ValueError, match="mass_kg"):
        read_nomogram(
            NomogramInputs(tibia_cm=38.0, mass_kg=0.0, valgus_motion_cm=1.0, flexion_rom_deg=50.0),
            sex=Sex.FEMALE,
        )


def test_interval_when_valgus_motion_is_less_exact_then_it_is_wider() -> None:
    widths = []
    for se in (0.0, 0.5, 1.5):
        inputs = NomogramInputs(
            tibia_cm=38.0, mass_kg=60.0, valgus_motion_cm=5.0, flexion_rom_deg=55.0, valgus_motion_se_cm=se
        )
        reading = read_nomogram(inputs, sex=Sex.FEMALE)
        assert reading is not None
        low, high = reading.interval_90
        assert low <= reading.probability <= high
        widths.append(high - low)
    assert widths == sorted(widths)
    assert widths[0] == 0.0
