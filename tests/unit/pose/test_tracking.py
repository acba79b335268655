from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_allclose

from app.biomech.types import AthletePoint, FloatArray
from app.pose.estimator import Picture
from app.pose.replay_estimator import ReplayEstimator
from app.pose.tracking import follow_athlete

_FPS = 60.0
_N = 180


@dataclass(frozen=True)
class _Frame:
    index: int
    time_s: float
    size_px: tuple[int, int] = (720, 1280)

    def picture(self, max_long_side_px: int | None = None) -> Picture:
        return np.zeros((1280, 720, 3), dtype=np.uint8)


def _frames() -> Iterator[_Frame]:
    return (_Frame(index, 0.25 + index / _FPS) for index in range(_N))


def _figure(*, x_px: float, hip_y_px: float, height_px: float) -> FloatArray:
    """Return 33 points: head above the hips, feet below, left to the right of right."""
    across = np.where(np.arange(33) % 2 == 1, 1.0, -1.0) * 0.06 * height_px
    down = np.linspace(-0.5, 0.5, 33) * height_px
    down[[23, 24]] = 0.0
    return np.stack([x_px + across, hip_y_px + down], axis=1)


def _jump_y(frame: int) -> float:
    """Return how far the hips are from standing: a drop of 150 px, then a jump of 150 px, between frames 60 and 130."""
    if 60 <= frame < 90:
        return 150.0 * ((frame - 60) / 30) ** 2
    if 90 <= frame < 130:
        return 150.0 - 300.0 * np.sin(np.pi * (frame - 90) / 40)
    return 150.0 if frame >= 130 else 0.0


def _athlete(frame: int, *, x_px: float = 450.0, height_px: float = 600.0) -> FloatArray:
    return _figure(x_px=x_px, hip_y_px=600.0 + _jump_y(frame), height_px=height_px)


def test_follow_when_a_larger_person_stands_in_the_middle_then_the_one_who_jumps_is_followed() -> None:
    people = {
        f: [_figure(x_px=200.0, hip_y_px=640.0 + (f % 7) * 0.5, height_px=900.0), _athlete(f)]
        for f in range(_N)
    }
    followed = follow_athlete(_frames, ReplayEstimator(people))
    assert followed.track is not None
    assert_allclose(followed.track.xy_px[60:140], [_athlete(f) for f in range(60, 140)], atol=1e-9)
    assert (followed.n_people, followed.track.bystander_ratio) == (2, pytest.approx(1.5))
    assert np.nanmax(followed.track.n_people) == 2


def test_follow_when_the_athlete_is_gone_for_some_frames_then_they_are_missing_not_somebody_else() -> None:
    bystander = _figure(x_px=120.0, hip_y_px=640.0, height_px=620.0)
    gone = range(97, 101)
    people = {f: [bystander] if f in gone else [bystander, _athlete(f)] for f in range(_N)}
    followed = follow_athlete(_frames, ReplayEstimator(people))
    assert followed.track is not None
    x = followed.track.xy_px[:, 23, 0]
    assert np.isnan(x[97:101]).all()
    assert_allclose(np.delete(x[50:140], np.arange(47, 51)), _athlete(0)[23, 0])


def test_follow_when_two_jump_alike_then_nobody_is_chosen() -> None:
    people = {f: [_athlete(f), _athlete(f, x_px=180.0, height_px=560.0)] for f in range(_N)}
    followed = follow_athlete(_frames, ReplayEstimator(people))
    assert (followed.track, followed.is_clear, followed.n_people) == (None, False, 2)


def test_follow_when_nobody_is_there_then_there_is_no_track_and_every_time_is_known() -> None:
    followed = follow_athlete(_frames, ReplayEstimator({}))
    assert (followed.track, followed.n_people) == (None, 0)
    assert_allclose(followed.time_s, [frame.time_s for frame in _frames()])


def test_follow_when_one_person_only_stands_then_looks_are_enough() -> None:
    estimator = ReplayEstimator(
        {f: [_figure(x_px=400.0, hip_y_px=600.0, height_px=600.0)] for f in range(_N)}
    )
    followed = follow_athlete(_frames, estimator)
    assert followed.track is not None
    assert 25 <= np.isfinite(followed.track.xy_px[:, 0, 0]).sum() <= 35
    assert estimator.n_network_runs < 40


def test_follow_when_a_poster_flickers_then_it_does_not_count_as_a_person() -> None:
    poster = _figure(x_px=120.0, hip_y_px=200.0, height_px=300.0)
    people = {f: [_athlete(f), poster] if f in (0, 66) else [_athlete(f)] for f in range(_N)}
    followed = follow_athlete(_frames, ReplayEstimator(people))
    assert followed.track is not None
    assert (followed.n_people, followed.track.bystander_ratio) == (1, 0.0)


def test_progress_when_following_then_it_rises_to_one() -> None:
    said: list[float] = []
    follow_athlete(_frames, ReplayEstimator({f: [_athlete(f)] for f in range(_N)}), on_progress=said.append)
    assert said == sorted(said)
    assert said[-1] == pytest.approx(1.0)


def _jumper_and_bystander() -> dict[int, list[FloatArray]]:
    bystander = _figure(x_px=150.0, hip_y_px=640.0, height_px=500.0)
    return {f: [_athlete(f), bystander + (f % 7) * 0.5] for f in range(_N)}


@pytest.mark.parametrize(("x_px", "y_px"), [(150.0, 640.0), (160.0, 440.0)])
def test_follow_when_somebody_else_is_picked_then_they_are_followed_though_another_jumps(
    x_px: float, y_px: float
) -> None:
    """Pointing at the head is as good as pointing at the hips."""
    people = _jumper_and_bystander()
    at = AthletePoint(frame=93, x_px=x_px, y_px=y_px)
    followed = follow_athlete(_frames, ReplayEstimator(people), athlete_at=at)
    assert followed.track is not None
    seen = np.isfinite(followed.track.xy_px[:, 0, 0])
    assert seen.sum() >= 10
    assert_allclose(followed.track.xy_px[seen], [people[f][1] for f in np.flatnonzero(seen)], atol=1e-9)
    assert followed.track.bystander_ratio == pytest.approx(600 / 500)


def test_follow_when_two_jump_then_the_one_that_was_picked_is_followed() -> None:
    """Without a word from a person it could not be settled who the athlete is."""
    people = {f: [_athlete(f), _athlete(f, x_px=150.0)] for f in range(_N)}
    assert follow_athlete(_frames, ReplayEstimator(people)).track is None
    at = AthletePoint(frame=100, x_px=150.0, y_px=600.0 + _jump_y(100))
    followed = follow_athlete(_frames, ReplayEstimator(people), athlete_at=at)
    assert followed.is_clear
    assert followed.track is not None
    assert_allclose(followed.track.xy_px[60:140], [people[f][1] for f in range(60, 140)], atol=1e-9)


def test_follow_when_nobody_is_where_the_athlete_was_said_to_be_then_nobody_is_followed() -> None:
    at = AthletePoint(frame=_N + 5, x_px=700.0, y_px=20.0)
    followed = follow_athlete(_frames, ReplayEstimator(_jumper_and_bystander()), athlete_at=at)
    assert (followed.track, followed.is_clear) == (None, False)
