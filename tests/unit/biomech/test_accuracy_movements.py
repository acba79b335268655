"""The bench of squats and standing counts errors as it says, on figures whose truth is known in closed form."""

from typing import Any

import numpy as np
import pytest

from app.biomech.types import Movement
from bench.accuracy_movements import as_document, measure_movement, movement_of
from tests.synth_movements import Reps, Stand, mover
from tests.unit.biomech.support import assess


def truth_of(movement: str, figure: Reps | Stand) -> dict[str, Any]:
    """Return what a rendered clip's truth would hold of a figure."""
    t = np.arange(0.0, figure.end_s, 1 / 60)
    if isinstance(figure, Stand):
        knees = {letter: np.full_like(t, figure.base_deg[at]) for at, letter in enumerate("lr")}
        lowest: tuple[float, ...] = ()
        lean = 0.0 * t
    else:
        knees = {letter: figure.fppa(t, at) for at, letter in enumerate("lr")}
        lowest, lean = figure.lowest_s, figure.lean_deg * figure.bend(t)
    return {
        "movement": movement,
        "time": t.tolist(),
        "events": {f"bottom_{n}": {"time": at_s} for n, at_s in enumerate(lowest, start=1)},
        **{f"fppa_image_{letter}": series for letter, series in knees.items()},
        **{f"fppa_frontal3d_{letter}": series for letter, series in knees.items()},
        "knee_separation": np.full_like(t, 0.2),
        "ankle_separation": np.full_like(t, 0.28),
        "trunk_lean_lateral": lean,
        "pelvic_obliquity": 0.0 * t if isinstance(figure, Stand) else figure.drop_deg * figure.bend(t),
    }


@pytest.mark.parametrize(
    ("word", "n_repetitions", "key"),
    [
        ("squat", 3, "fppa/both/lowest_point/2"),
        ("sls", 3, "fppa/left/lowest_point/3"),
        ("static", 0, "fppa/right/standing"),
    ],
)
def test_errors_when_the_figure_is_perfect_then_they_are_small_and_counted(
    word: str, n_repetitions: int, key: str
) -> None:
    movement = movement_of({"movement": word})
    assert movement is not None
    figure, track = mover(movement)
    assert isinstance(figure, Reps | Stand)
    result = measure_movement("figure", as_document(assess(track, movement)), truth_of(word, figure))
    assert (result.n_found, result.n_true) == (n_repetitions, n_repetitions)
    assert abs(result.errors[key]) < 0.3
    angles = [(error, se) for name, error, se in result.intervals if name == "fppa"]
    assert angles
    assert all(abs(error) < 1.96 * se for error, se in angles)


def test_errors_when_a_repetition_was_missed_then_only_instants_are_compared() -> None:
    figure, track = mover(Movement.BILATERAL_SQUAT, n=2)
    assert isinstance(figure, Reps)
    truth = truth_of("squat", Reps(n=3))
    result = measure_movement("figure", as_document(assess(track, Movement.BILATERAL_SQUAT)), truth)
    assert (result.n_found, result.n_true) == (2, 3)
    assert all(key.startswith("lowest_point_ms") for key in result.errors)


def test_movement_when_the_truth_holds_another_then_none() -> None:
    assert movement_of({"movement": "dvj"}) is None
