"""Faces are hidden in pictures: everybody's who was seen, wide enough, and past recognition."""

from dataclasses import replace

import numpy as np
import pytest

from app.biomech.heads import head_circles
from app.biomech.joints import N_JOINTS, Joint
from app.biomech.types import FloatArray, PoseSource, PoseTrack
from app.media.drawing import drawn_paths
from app.media.faces import Faces, find_faces
from app.pose.estimator import Reading, Region
from app.pose.heads import heads_of
from app.pose.people import Person, Sighting

TIMES_S = np.arange(60) / 60
ATHLETE, BYSTANDER = (150.0, 60.0), (320.0, 80.0)


def body(*, head: tuple[float, float], size: float = 200.0) -> FloatArray:
    """Somebody upright: a face, shoulders, hips and feet below the head's middle."""
    xy = np.full((N_JOINTS, 2), np.nan)
    offsets = {Joint.NOSE: (0, 0.01), Joint.LEFT_EAR: (0.03, 0), Joint.RIGHT_EAR: (-0.03, 0)}
    for joint in range(Joint.NOSE, Joint.MOUTH_RIGHT + 1):
        xy[joint] = np.array(head) + size * np.array(offsets.get(Joint(joint), (0, 0)))
    for joint, across, down in (
        (Joint.LEFT_SHOULDER, 0.11, 0.12), (Joint.RIGHT_SHOULDER, -0.11, 0.12),
        (Joint.LEFT_HIP, 0.06, 0.42), (Joint.RIGHT_HIP, -0.06, 0.42),
        (Joint.LEFT_FOOT_INDEX, 0.06, 0.9), (Joint.RIGHT_FOOT_INDEX, -0.06, 0.9),
    ):  # fmt: skip
        xy[joint] = np.array(head) + size * np.array([across, down])
    return xy


def person(head: tuple[float, float], times_s: tuple[float, ...]) -> Person:
    def reading() -> Reading:
        return Reading(
            xy_px=body(head=head),
            confidence=np.ones(N_JOINTS),
            world_m=np.zeros((N_JOINTS, 3)),
            presence=1.0,
            region=Region(x_px=0.0, y_px=0.0, size_px=200.0, angle_rad=0.0),
        )

    return Person([Sighting(frame=round(t * 60), time_s=t, reading=reading()) for t in times_s])


def track(*people: Person) -> PoseTrack:
    n = len(TIMES_S)
    return PoseTrack(
        time_s=TIMES_S,
        xy_px=np.repeat(body(head=ATHLETE)[None], n, axis=0),
        confidence=np.ones((n, N_JOINTS)),
        world_m=None,
        image_size_px=(400, 300),
        source=PoseSource(estimator="e", model="m", model_sha256="0"),
        n_people=np.ones(n),
        heads=heads_of(people),
    )


def faces(of: PoseTrack) -> Faces:
    return find_faces(of, paths_px=drawn_paths(of))


@pytest.fixture
def picture() -> np.ndarray:
    """Nothing but detail: what stays of it can be counted."""
    return np.random.default_rng(1).integers(0, 256, (300, 400, 3), dtype=np.uint8)


def detail(picture: np.ndarray, at: tuple[float, float], reach: int = 10) -> float:
    """How much neighbouring pixels differ around a place."""
    x, y = (round(value) for value in at)
    part = picture[max(0, y - reach) : y + reach, max(0, x - reach) : x + reach].astype(float)
    return float(np.abs(np.diff(part, axis=1)).mean())


def test_heads_when_measured_then_wide_enough_for_hair_and_nobody_without_a_face() -> None:
    xy = np.stack([body(head=ATHLETE), np.full((N_JOINTS, 2), np.nan)])
    (x, y, radius), nobody = head_circles(xy)
    assert (x, y) == pytest.approx(ATHLETE, abs=1.0)
    assert 0.1 * 200 < radius < 0.2 * 200
    assert np.isnan(nobody).all()


def test_picture_when_hidden_then_every_head_is_and_the_rest_stays(picture: np.ndarray) -> None:
    canvas = picture.copy()
    faces(track(person(ATHLETE, (0.0, 0.5)), person(BYSTANDER, (0.4, 0.6)))).hide(canvas, frame=30)
    for head in (ATHLETE, BYSTANDER):
        assert detail(picture, head) > 60
        assert detail(canvas, head) < 6
    changed = (canvas != picture).any(axis=2)
    assert changed.mean() < 0.1
    assert not changed[150:].any()


def test_picture_when_cut_and_scaled_then_heads_are_hidden_where_they_are_in_it(picture: np.ndarray) -> None:
    canvas = picture.copy()
    faces(track(person(BYSTANDER, (0.4, 0.6)))).hide(canvas, frame=30, offset_px=(100.0, 40.0), scale=0.5)
    for x, y in (ATHLETE, BYSTANDER):
        assert detail(canvas, ((x - 100) / 2, (y - 40) / 2), reach=5) < 12
    assert not (canvas != picture)[100:].any()


@pytest.mark.parametrize(("seen_s", "is_hidden"), [((0.9,), True), ((0.0, 0.1), True), ((2.0, 3.0), False)])
def test_bystander_when_seen_but_once_then_hidden_a_while_before_and_after(
    picture: np.ndarray, seen_s: tuple[float, ...], is_hidden: bool
) -> None:
    canvas = picture.copy()
    faces(track(person(BYSTANDER, seen_s))).hide(canvas, frame=30)
    assert (detail(canvas, BYSTANDER) < 6) == is_hidden


def test_picture_when_the_track_does_not_know_who_else_was_there_then_all_but_the_athlete_is_hidden(
    picture: np.ndarray,
) -> None:
    canvas = picture.copy()
    faces(replace(track(), heads=None)).hide(canvas, frame=30)
    assert detail(canvas, BYSTANDER) < 6
    assert detail(canvas, ATHLETE) < 6
    assert detail(canvas, (ATHLETE[0], ATHLETE[1] + 100)) > 60
    canvas = picture.copy()
    unseen = replace(track(), heads=None, xy_px=np.full((len(TIMES_S), N_JOINTS, 2), np.nan))
    faces(unseen).hide(canvas, frame=30)
    assert detail(canvas, (200.0, 150.0)) < 6
