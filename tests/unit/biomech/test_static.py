"""Fixed alignment is told from movement, and never called a fault."""

import re

import pytest

from app.biomech.metrics import Value
from app.biomech.static import (
    COHORT_STATIC_DEG,
    EXCESS_SE_DEG,
    FIXED_FROM_DEG,
    LIKELY,
    WORDS,
    LandingAngles,
    StandingAngles,
    StaticJudgement,
    ValgusClass,
    judge_static,
)
from app.biomech.types import Side

LIMIT = COHORT_STATIC_DEG + FIXED_FROM_DEG


def judge(
    standing: float, landing: float, *, displacement: float | None = 4.0, se: float = 1.0
) -> StaticJudgement:
    found = judge_static(
        StandingAngles(fppa={Side.LEFT: Value(value=standing, se=se)}),
        LandingAngles(
            side=Side.LEFT,
            fppa=Value(value=landing, se=se),
            displacement=None if displacement is None else Value(value=displacement, se=se),
        ),
    )
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("standing", "landing", "displacement", "expected"),
    [
        (9.0, 12.0, 4.0, ValgusClass.FIXED),
        (-1.0, 14.0, 12.0, ValgusClass.DYNAMIC),
        (-1.0, 8.0, 14.0, ValgusClass.DYNAMIC),
        (-1.0, 9.0, None, ValgusClass.DYNAMIC),
        (9.0, 24.0, 14.0, ValgusClass.COMBINED),
        (-1.0, 4.0, 4.0, ValgusClass.NEITHER),
    ],
)
def test_class_when_standing_and_landing_are_known_then_told_apart(
    standing, landing, displacement, expected
) -> None:
    found = judge(standing, landing, displacement=displacement)
    assert found.valgus_class is expected
    assert found.excess_deg == pytest.approx(landing - standing)
    assert sum(found.probabilities.values()) == pytest.approx(1.0)
    assert found.probability == found.probabilities[expected]


def test_class_when_at_the_limits_then_fixed_begins_there_and_dynamic_after_its_own() -> None:
    assert judge(LIMIT, LIMIT).valgus_class is ValgusClass.FIXED
    assert judge(LIMIT - 0.01, LIMIT).valgus_class is ValgusClass.NEITHER
    assert judge(-1.0, 7.0).valgus_class is ValgusClass.NEITHER
    assert judge(-1.0, 7.01).valgus_class is ValgusClass.DYNAMIC
    assert judge(-1.0, 3.0, displacement=10.6).valgus_class is ValgusClass.DYNAMIC


def test_probability_when_near_a_limit_then_low_and_the_words_say_so() -> None:
    near, far = judge(LIMIT + 0.1, LIMIT), judge(LIMIT + 8.0, LIMIT + 3.0, displacement=0.0)
    assert near.probability < 0.8 < far.probability
    assert near.words.startswith(LIKELY)
    assert not far.words.startswith(LIKELY)


def test_excess_when_computed_then_its_error_is_never_less_than_the_usual_one() -> None:
    assert judge(0.0, 10.0, se=0.1).excess_se_deg == EXCESS_SE_DEG
    noisy = judge(0.0, 10.0, se=6.0)
    assert noisy.excess_se_deg > 7.0
    assert noisy.excess_interval_95.holds(10.0)


def test_class_when_the_standing_trial_lacks_the_side_then_none() -> None:
    angles = LandingAngles(side=Side.RIGHT, fppa=Value(value=9.0, se=1.0), displacement=None)
    assert judge_static(StandingAngles(fppa={Side.LEFT: Value(value=0.0, se=1.0)}), angles) is None


def test_words_when_read_then_alignment_is_never_called_a_fault_of_training() -> None:
    assert set(WORDS) == set(ValgusClass)
    for name in (ValgusClass.FIXED, ValgusClass.COMBINED):
        assert "not a training fault" in WORDS[name]
    for words in WORDS.values():
        assert not re.search(r"diagnos|deform|injur|safe|weak|risk|abnormal", words)
