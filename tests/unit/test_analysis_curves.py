"""A curve is shown as far as the numbers that are read from it."""

import numpy as np
import pytest

from app.biomech.types import Kinematics, Metric, Side
from app.services.analysis_curves import shown_curves, shown_kinematics

NAMES = (
    "fppa_left_deg",
    "fppa_right_deg",
    "fppa_frontal_left_deg",
    "knee_ankle_separation_ratio",
    "trunk_lean_deg",
    "knee_flexion_left_deg",
)
KINEMATICS = Kinematics(
    time_s=np.arange(3) / 60, rate_hz=60.0, series={name: np.array([1.0, np.nan, 3.0]) for name in NAMES}
)


def metric(key: str, side: Side, value: float | None) -> Metric:
    return Metric(key=key, side=side, value=value, unit="deg", event="peak_knee_flexion", se=None)


@pytest.mark.parametrize(
    ("metrics", "withheld"),
    [
        ([metric("fppa", Side.LEFT, 4.0), metric("fppa", Side.RIGHT, 5.0)], {"fppa_frontal_left_deg"}),
        (
            [metric("fppa", Side.LEFT, 4.0), metric("fppa", Side.RIGHT, None)],
            {"fppa_right_deg", "fppa_frontal_left_deg"},
        ),
        (
            [metric("fppa", Side.LEFT, None), metric("fppa", Side.LEFT, 4.0), metric("fppa_frontal", Side.LEFT, 1.0)],
            set(),
        ),
        (
            [metric("fppa", Side.LEFT, None), metric("lateral_trunk_lean", Side.BOTH, None)],
            {"fppa_left_deg", "fppa_right_deg", "fppa_frontal_left_deg", "trunk_lean_deg"},
        ),
        ([], {"fppa_left_deg", "fppa_right_deg", "fppa_frontal_left_deg"}),
    ],
    ids=["both knees", "one knee", "one of two instants", "oblique and trunk", "no numbers at all"],
)  # fmt: skip
def test_curves_when_numbers_are_withheld_then_so_are_they(metrics: list[Metric], withheld: set[str]) -> None:
    curves = {curve.name: curve for curve in shown_curves(KINEMATICS, metrics)}
    assert {name for name, curve in curves.items() if curve.is_withheld} == withheld
    for name, curve in curves.items():
        assert np.isnan(curve.values).all() == (name in withheld), name
    shown = shown_kinematics(KINEMATICS, metrics).series
    assert {name for name, values in shown.items() if np.isnan(values).all()} == withheld


def test_curves_when_named_then_side_and_unit_are_those_of_their_numbers() -> None:
    found = {curve.name: (curve.metric, curve.side, curve.unit) for curve in shown_curves(KINEMATICS, [])}
    assert found["fppa_right_deg"] == ("fppa", Side.RIGHT, "deg")
    assert found["trunk_lean_deg"] == ("lateral_trunk_lean", Side.BOTH, "deg")
    assert found["knee_ankle_separation_ratio"] == ("knee_ankle_separation_ratio", Side.BOTH, "1")
