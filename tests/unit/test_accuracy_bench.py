"""What the accuracy bench says of stated intervals."""

import numpy as np
import pytest

from bench.accuracy_interpolated import foot_share, shares_at
from bench.accuracy_tables import failing_side, interval_rows
from bench.accuracy_truth import ClipResult, Reading


@pytest.mark.parametrize(
    ("n_held", "n", "said"),
    [
        (89, 100, "too narrow"),
        (90, 100, ""),
        (99, 100, ""),
        (100, 100, "too wide"),
        (59, 59, "too wide"),
        (58, 58, "too few to tell"),
        (8, 9, "too few to tell"),
        (6, 9, "too narrow"),
    ],
)
def test_intervals_when_they_hold_too_seldom_or_too_often_then_the_side_is_said(
    n_held: int, n: int, said: str
) -> None:
    assert failing_side(n_held=n_held, n=n) == said


def test_rows_when_one_kind_of_number_is_stated_too_narrow_then_its_row_says_so_and_the_other_does_not() -> (
    None
):
    def readings(key: str, error: float) -> list[Reading]:
        return [
            Reading("dvj", key, "both", "peak", "deg", value=error if n < 5 else 0.0, truth=0.0, se=1.0)
            for n in range(20)
        ]

    clip = ClipResult(
        name="a",
        source="video",
        verdict="valid",
        findings=[],
        readings=readings("fppa", 3.0) + readings("lean", 1.0),
    )
    said = {row["metric"]: (row["cover_95"], row["fails"]) for row in interval_rows([clip])}
    assert said == {
        "fppa": (0.75, "too narrow"),
        "lean": (1.0, "too few to tell"),
        "all": (0.875, "too narrow"),
    }


@pytest.mark.parametrize(("share", "gone"), [(0.2, 0.5), (0.4, 1.0), (0.7, 1.0)])
def test_drawn_frame_when_a_foot_lands_between_two_then_it_stands_from_the_true_instant_on_and_the_body_moves_evenly(
    share: float, gone: float
) -> None:
    joints = {"knee_l": [60, 40], "ankle_l": [60, 80], "knee_r": [20, 40], "ankle_r": [20, 80]}
    never = {"time": 9.0}
    truth = {
        "fps": 60,
        "joints2d": {joint: [place, place] for joint, place in joints.items()},
        "events": dict.fromkeys(("IC1_R", "IC2_L", "IC2_R", "take_off"), never)
        | {"IC1_L": {"time": 0.4 / 60}},
    }
    shares = shares_at(truth, number=0, share=share, size_px=(80, 100))
    assert shares[90, 60] == pytest.approx(gone)
    np.testing.assert_allclose(
        [shares[10, 60], shares[90, 20]], share, rtol=1e-6
    )  # the hips, and the other foot


def test_drawn_foot_when_it_takes_off_between_two_frames_then_it_stands_until_then() -> None:
    assert [foot_share(share, event=0.4, lands=False) for share in (0.2, 0.4, 0.7, 1.0)] == pytest.approx(
        [0.0, 0.0, 0.5, 1.0]
    )
