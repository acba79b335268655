"""What the accuracy bench says of stated intervals."""

import pytest

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
        (8, 9, "too narrow"),
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
