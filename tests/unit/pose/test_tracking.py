from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from app.biomech.joints import N_LINES
from app.biomech.types import AthletePoint, FloatArray, PoseTrack
from app.pose.estimator import Picture, Region, View
from app.pose.replay_estimator import ReplayEstimator
from app.pose.tracking import Followed, ReadingRule, follow_athlete
from app.storage.tracks import track_to_bytes

_FPS = 60.0
_N = 180


@dataclass(frozen=True)
class _Frame:
    index: int
    time_s: float
    size_px: tuple[int, int] = (720, 1280)

    def view(self, matrix: FloatArray, offset: FloatArray, *, size_px: int) -> Picture:
        return np.zeros((size_px, size_px, 3), dtype=np.uint8)


@dataclass(frozen=True)
class _Group:
    key: int
    frames: NDArray[np.int64]
    is_busy: bool = False

    def is_busy_after(self, frame: int) -> bool:
        return self.is_busy


class _Video:
    """Frames without pictures; remembers which were decoded how often."""

    def __init__(self, *, keys: Sequence[int] = (0,), n_frames: int = _N, fps_hz: float = _FPS) -> None:
        self.time_s = 0.25 + np.arange(n_frames) / fps_hz
        self.decoded: Counter[int] = Counter()
        self._keys = [*keys, n_frames]

    def groups(self) -> list[_Group]:
        return [_Group(key=key, frames=np.arange(key, following)) for key, following in pairwise(self._keys)]

    def frames(
        self, wanted: Collection[int] | None = None, *, left_out: Collection[int] = frozenset()
    ) -> Iterator[_Frame]:
        for index, time_s in enumerate(self.time_s):
            if index not in left_out and (wanted is None or index in wanted):
                self.decoded[index] += 1
                yield _Frame(index, float(time_s))


@dataclass(frozen=True)
class _Viewed:
    frame: int
    size_px: float
    mirrored: bool
    outlined: bool = False


class _Noting(ReplayEstimator):
    """Remembers which views it was shown."""

    def __init__(self, people: Mapping[int, Sequence[FloatArray]]) -> None:
        super().__init__(people)
        self.views: list[_Viewed] = []

    def read_view(
        self, view: Picture, region: Region, *, frame: int, mirrored: bool, outlined: bool = False
    ) -> View:
        self.views.append(_Viewed(frame, region.size_px, mirrored, outlined))
        seen = super().read_view(view, region, frame=frame, mirrored=mirrored)
        return replace(seen, outline_px=np.full((N_LINES, 2, 2), float(frame))) if outlined else seen


@dataclass(frozen=True)
class _Span:
    start_s: float
    stop_s: float
    rate_hz: float = float("inf")
    mirrored: bool = True


_WHOLE = ReadingRule()


def _follow(people: Mapping[int, Sequence[FloatArray]], *, rule: ReadingRule = _WHOLE) -> Followed:
    return follow_athlete(_Video(), ReplayEstimator(people), rule=rule)


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
    followed = _follow(people)
    assert followed.track is not None
    assert_allclose(followed.track.xy_px[60:140], [_athlete(f) for f in range(60, 140)], atol=1e-9)
    assert (followed.n_people, followed.track.bystander_ratio) == (2, pytest.approx(1.5))
    assert np.nanmax(followed.track.n_people) == 2


def test_follow_when_the_athlete_is_gone_for_some_frames_then_they_are_missing_not_somebody_else() -> None:
    bystander = _figure(x_px=120.0, hip_y_px=640.0, height_px=620.0)
    gone = range(97, 101)
    people = {f: [bystander] if f in gone else [bystander, _athlete(f)] for f in range(_N)}
    followed = _follow(people)
    assert followed.track is not None
    x = followed.track.xy_px[:, 23, 0]
    assert np.isnan(x[97:101]).all()
    assert_allclose(np.delete(x[50:140], np.arange(47, 51)), _athlete(0)[23, 0])


def test_follow_when_two_jump_alike_then_nobody_is_chosen() -> None:
    people = {f: [_athlete(f), _athlete(f, x_px=180.0, height_px=560.0)] for f in range(_N)}
    followed = _follow(people)
    assert (followed.track, followed.is_clear, followed.n_people) == (None, False, 2)


def test_follow_when_nobody_is_there_then_there_is_no_track_and_every_time_is_known() -> None:
    followed = _follow({})
    assert (followed.track, followed.n_people) == (None, 0)
    assert_allclose(followed.time_s, _Video().time_s)


def test_follow_when_one_person_only_stands_then_the_frames_of_the_looks_are_read_closely() -> None:
    people = {f: [_figure(x_px=400.0, hip_y_px=600.0, height_px=600.0)] for f in range(_N)}
    estimator = _Noting(people)
    followed = follow_athlete(_Video(), estimator, rule=_WHOLE)
    assert followed.track is not None
    read = np.flatnonzero(np.isfinite(followed.track.xy_px[:, 0, 0]))
    assert 25 <= read.size <= 35
    assert {view.frame for view in estimator.views if view.mirrored} == set(read.tolist())
    assert estimator.n_network_runs < 110


@pytest.mark.parametrize("n_threads", [1, 2])
def test_follow_when_frames_are_read_both_ways_then_one_view_is_closer_and_they_take_turns(
    n_threads: int,
) -> None:
    estimator = _Noting({f: [_figure(x_px=400.0, hip_y_px=600.0, height_px=600.0)] for f in range(_N)})
    follow_athlete(_Video(), estimator, rule=_WHOLE, n_threads=n_threads)
    frames = sorted({view.frame for view in estimator.views if view.mirrored})
    assert frames
    widest_px = max(view.size_px for view in estimator.views)
    n_closer = {True: 0, False: 0}
    for frame in frames:
        sizes = {view.mirrored: view.size_px for view in estimator.views if view.frame == frame}
        assert {round(size / widest_px, 2) for size in sizes.values()} == {1.0, 0.91}
        n_closer[sizes[True] < sizes[False]] += 1
    assert abs(n_closer[True] - n_closer[False]) <= len(frames) // 3


def _plain_closer(span: _Span, *, n_before: int) -> dict[int, bool]:
    """Return for each frame of a stretch whether its plain view is the closer one, with others read before it."""
    estimator = _Noting({f: [_athlete(f)] for f in range(_N)})
    before = _Span(0.25 + 20 / _FPS, 0.25 + (20 + 3 * n_before) / _FPS, rate_hz=20.0)
    follow_athlete(_Video(), estimator, rule=ReadingRule(plan=lambda _: (before, span)))
    sizes: dict[tuple[int, bool], float] = {(v.frame, v.mirrored): v.size_px for v in estimator.views}
    inside = [f for f in range(_N) if span.start_s <= 0.25 + f / _FPS <= span.stop_s]
    return {frame: sizes[frame, False] < sizes[frame, True] for frame in inside}


def test_follow_when_more_is_read_elsewhere_then_a_stretch_is_read_no_other_way() -> None:
    span = _Span(0.25 + 80 / _FPS, 0.25 + 100 / _FPS)
    one, other = (_plain_closer(span, n_before=n) for n in (2, 3))
    assert one == other
    assert [one[f] != one[f + 1] for f in range(80, 99)] == [True] * 19


def test_follow_when_frames_are_read_both_ways_then_every_third_one_has_an_outline_and_it_is_in_the_track() -> (
    None
):
    estimator = _Noting({f: [_athlete(f)] for f in range(_N)})
    followed = follow_athlete(_Video(), estimator, rule=_WHOLE)
    read = sorted({view.frame for view in estimator.views if view.mirrored})
    outlined = sorted({view.frame for view in estimator.views if view.outlined})
    assert outlined == [frame for frame in read if frame % 3 == 0]
    assert {(view.frame, view.mirrored) for view in estimator.views if view.outlined} == {
        (frame, mirrored) for frame in outlined for mirrored in (True, False)
    }
    assert followed.track is not None
    assert followed.track.outline_px is not None
    there = np.isfinite(followed.track.outline_px).all(axis=(1, 2, 3))
    assert_allclose(np.flatnonzero(there), outlined)
    assert_allclose(followed.track.outline_px[outlined, 0, 0, 0], outlined)
    plain = _follow({f: [_athlete(f)] for f in range(_N)})
    assert plain.track is not None
    assert plain.track.outline_px is None


def test_follow_when_frames_stand_alone_then_outlines_take_turns_all_the_same() -> None:
    estimator = _Noting({f: [_athlete(f)] for f in range(_N)})
    follow_athlete(_Video(), estimator, rule=ReadingRule(rate_hz=30.0))
    read = sorted({view.frame for view in estimator.views if view.mirrored})
    outlined = sorted({view.frame for view in estimator.views if view.outlined})
    assert np.diff(read).min() == 2
    assert outlined == read[::3]


def test_follow_when_a_poster_flickers_then_it_does_not_count_as_a_person() -> None:
    poster = _figure(x_px=120.0, hip_y_px=200.0, height_px=300.0)
    people = {f: [_athlete(f), poster] if f in (0, 66) else [_athlete(f)] for f in range(_N)}
    followed = _follow(people)
    assert followed.track is not None
    assert (followed.n_people, followed.track.bystander_ratio) == (1, 0.0)


def test_progress_when_following_then_it_rises_to_one() -> None:
    said: list[float] = []
    people = {f: [_athlete(f)] for f in range(_N)}
    follow_athlete(_Video(), ReplayEstimator(people), rule=_WHOLE, on_progress=said.append)
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
    followed = follow_athlete(_Video(), ReplayEstimator(people), rule=_WHOLE, athlete_at=at)
    assert followed.track is not None
    seen = np.isfinite(followed.track.xy_px[:, 0, 0])
    assert seen.sum() >= 10
    assert_allclose(followed.track.xy_px[seen], [people[f][1] for f in np.flatnonzero(seen)], atol=1e-9)
    assert followed.track.bystander_ratio == pytest.approx(600 / 500)


def test_follow_when_two_jump_then_the_one_that_was_picked_is_followed() -> None:
    """Without a word from a person it could not be settled who the athlete is."""
    people = {f: [_athlete(f), _athlete(f, x_px=150.0)] for f in range(_N)}
    assert _follow(people).track is None
    at = AthletePoint(frame=100, x_px=150.0, y_px=600.0 + _jump_y(100))
    followed = follow_athlete(_Video(), ReplayEstimator(people), rule=_WHOLE, athlete_at=at)
    assert followed.is_clear
    assert followed.track is not None
    assert_allclose(followed.track.xy_px[60:140], [people[f][1] for f in range(60, 140)], atol=1e-9)


@pytest.mark.parametrize(("x_px", "y_px"), [(700.0, 20.0), (690.0, 750.0)])
def test_follow_when_nobody_is_where_the_athlete_was_said_to_be_then_nobody_is_followed(
    x_px: float, y_px: float
) -> None:
    """Far away, and beside the athlete at the height of the hips: a body is taller than wide."""
    at = AthletePoint(frame=_N + 5, x_px=x_px, y_px=y_px)
    followed = follow_athlete(_Video(), ReplayEstimator(_jumper_and_bystander()), rule=_WHOLE, athlete_at=at)
    assert (followed.track, followed.is_clear) == (None, False)


def test_follow_when_a_plan_names_a_stretch_then_it_is_read_mirrored_and_the_rest_is_looked_at() -> None:
    people = {f: [_athlete(f)] for f in range(_N)}
    estimator, video = ReplayEstimator(people), _Video()
    coarse: list[int] = []

    def plan(track: PoseTrack) -> tuple[_Span, ...]:
        coarse.append(int(np.isfinite(track.xy_px[:, 0, 0]).sum()))
        return (_Span(0.25 + 80 / _FPS, 0.25 + 100 / _FPS),)

    followed = follow_athlete(video, estimator, rule=ReadingRule(plan=plan))
    assert followed.track is not None
    read = np.isfinite(followed.track.xy_px[:, 0, 0])
    assert read[80:101].all()
    # thirty a second while the hips move, ten a second elsewhere
    assert 40 <= coarse[0] <= 75
    assert read.sum() <= coarse[0] + 21
    assert estimator.n_network_runs < 140
    assert set(video.decoded.values()) == {1}  # every view was kept, nothing was decoded twice


def test_follow_when_a_stretch_asks_for_fewer_frames_then_some_are_left_out() -> None:
    people = {f: [_athlete(f)] for f in range(_N)}
    span = _Span(0.25, 0.25 + _N / _FPS, rate_hz=20.0)
    followed = _follow(people, rule=ReadingRule(plan=lambda _: (span,)))
    whole = _follow(people, rule=ReadingRule(rate_hz=20.0))
    for one in (followed, whole):
        assert one.track is not None
        assert np.isfinite(one.track.xy_px[:, 0, 0]).sum() < 0.65 * _N


def test_follow_when_everybody_stands_still_then_those_groups_are_not_decoded_unless_the_plan_wants_them() -> (
    None
):
    people = {f: [_athlete(f)] for f in range(_N)}
    video = _Video(keys=[0, 15, 30, 45, 60, 75, 90, 105, 120, 135, 150, 165])
    span = _Span(0.25 + 40 / _FPS, 0.25 + 100 / _FPS)
    followed = follow_athlete(video, ReplayEstimator(people), rule=ReadingRule(plan=lambda _: (span,)))
    assert followed.track is not None
    assert np.isfinite(followed.track.xy_px[40:101, 0, 0]).all()
    # key pictures are glanced at; the athlete stands from 0 to 60 and from 130 on
    assert [video.decoded[f] for f in (0, 10, 15, 35, 42, 80, 160)] == [1, 0, 1, 0, 1, 1, 0]


@pytest.mark.parametrize(("stop", "is_decoded"), [(140, False), (160, True)])
def test_follow_when_everybody_has_come_to_rest_then_the_rest_is_not_decoded_unless_the_plan_wants_it(
    stop: int, is_decoded: bool
) -> None:
    """The athlete stands from frame 130 on, as in the key picture 150."""
    people = {f: [_athlete(f)] for f in range(_N)}
    video = _Video(keys=[0, 30, 60, 90, 120, 150])
    span = _Span(0.25 + 80 / _FPS, 0.25 + stop / _FPS)
    followed = follow_athlete(video, ReplayEstimator(people), rule=ReadingRule(plan=lambda _: (span,)))
    assert followed.track is not None
    assert np.isfinite(followed.track.xy_px[80 : stop + 1, 0, 0]).all()
    assert [video.decoded[f] for f in (132, 150, 175)] == [1, 1 + is_decoded, 0]
    assert [video.decoded[f] for f in (148, 155)] == [int(is_decoded)] * 2


@pytest.mark.parametrize("n_threads", [1, 2])
def test_follow_when_somebody_else_still_moves_then_the_rest_is_decoded(n_threads: int) -> None:
    people = {
        f: [_athlete(f), _figure(x_px=150.0 + 3.0 * max(f - 120, 0), hip_y_px=640.0, height_px=500.0)]
        for f in range(_N)
    }
    video, span = _Video(keys=[0, 30, 60, 90, 120, 150]), _Span(0.25 + 80 / _FPS, 0.25 + 100 / _FPS)
    follow_athlete(
        video, ReplayEstimator(people), rule=ReadingRule(plan=lambda _: (span,)), n_threads=n_threads
    )
    assert video.decoded[148] == 1


@pytest.mark.parametrize("is_seen", [True, False])
def test_follow_when_the_plan_fails_or_nobody_is_seen_then_everything_is_looked_at(is_seen: bool) -> None:
    people = {f: [_athlete(f)] for f in range(_N)} if is_seen else {}
    video = _Video(keys=[0, 15, 30, 45, 60, 90, 135, 150, 165])
    followed = follow_athlete(video, ReplayEstimator(people), rule=ReadingRule(plan=lambda _: None))
    assert set(video.decoded) == set(range(_N))
    assert (followed.track is not None) == is_seen


@pytest.mark.parametrize("keys", [(0,), (0, 60, 120), (0, 15, 30, 45, 60)])
def test_follow_when_key_pictures_are_few_or_far_apart_then_everything_is_decoded(
    keys: tuple[int, ...],
) -> None:
    people = {f: [_figure(x_px=400.0, hip_y_px=600.0, height_px=600.0)] for f in range(_N)}
    video = _Video(keys=keys)
    follow_athlete(video, ReplayEstimator(people), rule=ReadingRule(plan=lambda _: None))
    assert set(video.decoded) == set(range(_N))


def test_follow_when_several_threads_read_then_the_track_is_the_same() -> None:
    people = {f: [_athlete(f), _figure(x_px=150.0, hip_y_px=640.0, height_px=500.0)] for f in range(_N)}
    tracks = [
        follow_athlete(_Video(), ReplayEstimator(people), rule=_WHOLE, n_threads=n).track for n in (1, 3)
    ]
    assert tracks[0] is not None
    assert tracks[1] is not None
    assert track_to_bytes(tracks[0]) == track_to_bytes(tracks[1])


def test_follow_when_a_frame_cannot_be_read_in_a_thread_then_the_error_comes_out() -> None:
    class Broken(ReplayEstimator):
        def read_view(
            self, view: Picture, region: Region, *, frame: int, mirrored: bool, outlined: bool = False
        ) -> View:
            if frame > 40:
                raise OSError("no engine")
            return super().read_view(view, region, frame=frame, mirrored=mirrored, outlined=outlined)

    with pytest.raises(OSError, match="no engine"):
        follow_athlete(_Video(), Broken({f: [_athlete(f)] for f in range(_N)}), rule=_WHOLE, n_threads=2)


def test_follow_when_there_are_more_frames_than_views_can_be_kept_then_the_rest_is_decoded_again() -> None:
    n = 1300
    people = {f: [_athlete(60 + f * 70 // n)] for f in range(n)}
    video = _Video(n_frames=n, fps_hz=240.0)
    followed = follow_athlete(video, ReplayEstimator(people), rule=_WHOLE)
    assert followed.track is not None
    assert np.isfinite(followed.track.xy_px[:, 0, 0]).all()
    assert {video.decoded[f] for f in (10, 900)} == {1}
    assert video.decoded[1200] == 2
