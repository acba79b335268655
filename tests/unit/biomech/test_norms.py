"""Norms show their work, and "no suitable norm" is an answer."""

import numpy as np
import pytest
from scipy import special

from app.biomech.metrics import Value
from app.biomech.norms import (
    MIN_TEAM_SIZE,
    NO_NORM,
    PUBLISHED,
    NoNorm,
    NoNormReason,
    NormResult,
    Position,
    TeamNorm,
    describe_norm,
    find_norm,
    place_in_team,
)
from app.biomech.types import Movement, Sex

PKF = "peak_knee_flexion"


def find(value: float = 9.0, *, se: float = 3.0, key: str = "fppa", event: str = PKF, sex: Sex = Sex.FEMALE,
         age_years: float | None = 21.4) -> NormResult | NoNorm:  # fmt: skip
    return find_norm(
        Value(value=value, se=se),
        key=key,
        event=event,
        movement=Movement.DROP_VERTICAL_JUMP,
        sex=sex,
        age_years=age_years,
    )


def test_norm_when_a_woman_and_a_man_land_with_nine_degrees_then_typical_and_not() -> None:
    woman, man = find(sex=Sex.FEMALE), find(sex=Sex.MALE)
    assert isinstance(woman, NormResult)
    assert isinstance(man, NormResult)
    assert (woman.position, woman.band) == (Position.TYPICAL, (7.0, 13.0))
    assert (man.position, man.band) == (Position.ABOVE, (3.0, 8.0))
    assert "n = 100" in describe_norm(woman)
    assert "Herrington & Munro 2010" in describe_norm(man)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"age_years": 12.0}, NoNormReason.OTHER_AGE),
        ({"age_years": 17.99}, NoNormReason.OTHER_AGE),
        ({"age_years": None}, NoNormReason.AGE_UNKNOWN),
        ({"sex": Sex.UNSPECIFIED}, NoNormReason.SEX_UNKNOWN),
        ({"event": "initial_contact"}, NoNormReason.OTHER_MOVEMENT),
        ({"key": "knee_valgus_displacement", "event": "landing"}, NoNormReason.NOT_PUBLISHED),
    ],
)
def test_norm_when_nothing_fits_then_none_and_why(asked, reason) -> None:
    found = find(**asked)
    assert isinstance(found, NoNorm)
    assert (found.reason, found.message) == (reason, NO_NORM[reason])
    assert describe_norm(found).startswith("No suitable norm: ")


def test_norm_when_somebody_is_28_and_a_half_then_still_28() -> None:
    assert isinstance(find(age_years=28.5), NormResult)
    assert isinstance(find(age_years=29.0), NoNorm)


@pytest.mark.parametrize(
    ("value", "position"), [(6.9, "below"), (7.0, "typical"), (13.0, "typical"), (13.1, "above")]
)
def test_position_when_at_an_edge_then_the_band_holds_both_ends(value, position) -> None:
    found = find(value)
    assert isinstance(found, NormResult)
    assert found.position.value == position


def test_probability_when_computed_then_both_errors_are_in_it_and_the_three_add_up() -> None:
    found = find(16.0, se=4.0)
    assert isinstance(found, NormResult)
    assert found.probability == pytest.approx(special.ndtr((16.0 - 13.0) / 5.0))  # 4 and 3 degrees make 5
    assert found.percentile is None
    exact = find(16.0, se=0.0)
    assert isinstance(exact, NormResult)
    assert exact.probability > found.probability


def test_percentile_when_the_source_gives_mean_and_sd_then_with_its_interval() -> None:
    found = find(23.0, se=1.0, key="knee_separation", age_years=15.0)
    assert isinstance(found, NormResult)
    assert found.percentile == pytest.approx(50.0)
    assert found.band == (14.0, 32.0)
    assert found.percentile_interval is not None
    assert found.percentile_interval.low < 50.0 < found.percentile_interval.high


def test_published_when_listed_then_each_shows_its_work_and_none_is_pooled() -> None:
    for norm in PUBLISHED:
        assert norm.sex is not Sex.UNSPECIFIED
        assert norm.ages[0] <= norm.ages[1]
        assert norm.n > 0
        assert (norm.band is None) is (norm.mean is not None and norm.sd is not None)
        assert norm.mark in ("V", "M")
        assert all((norm.source, norm.caveat, norm.landmarks, norm.level, norm.unit, norm.events))
    for norm in PUBLISHED:
        same = [
            n
            for n in PUBLISHED
            if (n.key, n.movement, n.ages, n.source) == (norm.key, norm.movement, norm.ages, norm.source)
        ]
        assert len({n.sex for n in same}) == len(same)


def test_team_when_it_has_twenty_then_percentile_with_interval_and_n() -> None:
    found = place_in_team(9.5, np.arange(MIN_TEAM_SIZE, dtype=float))
    assert isinstance(found, TeamNorm)
    assert (found.n, found.percentile, found.median) == (20, 50.0, 9.5)
    assert found.interval_95.low < 32.0
    assert found.interval_95.high > 68.0


def test_team_when_it_is_smaller_or_not_measured_then_no_norm() -> None:
    for others in (np.arange(19.0), np.append(np.arange(19.0), np.nan)):
        found = place_in_team(9.0, others)
        assert isinstance(found, NoNorm)
        assert found.reason is NoNormReason.TEAM_TOO_SMALL


def test_team_when_all_are_equal_then_in_the_middle() -> None:
    found = place_in_team(4.0, [4.0] * 30)
    assert isinstance(found, TeamNorm)
    assert found.percentile == 50.0


def test_reasons_when_listed_then_each_has_words() -> None:
    assert set(NO_NORM) == set(NoNormReason)
