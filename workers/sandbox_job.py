"""The work of one confined child: read one video and draw it, or draw one that was read before."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from app.biomech.pipeline import MOVEMENTS
from app.biomech.signals import load_scipy
from app.biomech.types import AthletePoint, Movement, PoseTrack
from app.domain.lifecycle import Stage
from app.media.exposure import exposure_of
from app.media.facts import VideoRefusedError
from app.media.flash import find_flash
from app.media.frames import VideoFile
from app.media.overlay import draw_overlay
from app.media.sound import find_clap
from app.media.stills import draw_stills
from app.pose.bundle import DEFAULT_MODEL, PoseEngine
from app.pose.estimator import PoseEstimator
from app.pose.tracking import Followed, ReadingRule, follow_athlete
from app.storage.tracks import kinematics_from_bytes, track_from_bytes, track_to_bytes
from workers.sandbox_protocol import (
    KINEMATICS_FILE,
    OVERLAY_FILE,
    READ_SHARE,
    TRACK_FILE,
    DrawDone,
    DrawOrder,
    FindingSaid,
    ReadDone,
    ReadOrder,
    Start,
    VideoSaid,
    event_from,
    flagged_from,
    still_file,
)


def prepare_engine(start: Start) -> Callable[[], PoseEstimator]:
    """Load the engine and run it once, and what the plan is made with, so that no video waits for them.

    Returns what gives a fork of this process its engine. LiteRT's is loaded here, with as many one-threaded copies as
    a child uses; MediaPipe's graph has threads, which do not live through a fork, so each child loads its own.
    """
    load_scipy()
    model = DEFAULT_MODEL if start.model is None else Path(start.model)
    if start.engine is PoseEngine.MEDIAPIPE:
        return partial(_load_mediapipe, model)
    from app.pose.litert_estimator import LiteRTEstimator

    cv2.setNumThreads(1)
    litert = LiteRTEstimator(model, n_threads=start.n_threads)
    litert.warm_up()
    return lambda: litert


def _load_mediapipe(model: Path) -> PoseEstimator:
    from app.pose.mediapipe_estimator import MediaPipeEstimator

    mediapipe = MediaPipeEstimator(model)
    mediapipe.warm_up()
    return mediapipe


class Job:
    """One video. Files it makes go to the current folder."""

    def __init__(
        self, estimator: PoseEstimator, *, n_threads: int, say: Callable[[str, float], None]
    ) -> None:
        """Take an engine that is warmed up."""
        self._estimator = estimator
        self._n_threads = n_threads
        self._say = say
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="aside")
        self._video: VideoFile | None = None
        self._track: PoseTrack | None = None

    def read(self, order: ReadOrder) -> ReadDone:
        """Follow the athlete through the file."""
        cv2.setNumThreads(1)  # what is cut is small, and our own threads are busy
        path = Path(order.path)
        at = order.athlete_at
        self._say(Stage.DECODE, 0.0)
        sha256 = self._aside.submit(_sha256, path)
        try:
            video = VideoFile(path, n_threads=self._n_threads)
            # Not before the file was found to be a video within the limits.
            clap = self._aside.submit(_clap, path, Movement(order.movement))
            followed = follow_athlete(
                video,
                self._estimator,
                rule=_reading_rule(Movement(order.movement)),
                n_threads=self._n_threads,
                athlete_at=None if at is None else AthletePoint(frame=at.frame, x_px=at.x_px, y_px=at.y_px),
                on_progress=lambda share: self._say(Stage.POSE, READ_SHARE * share),
            )
        except VideoRefusedError as refusal:
            finding = FindingSaid(code=refusal.code, facts=dict(refusal.facts))
            return ReadDone(
                video=None, has_track=False, findings=[finding], n_network_runs=self._estimator.n_network_runs
            )
        self._video, self._track = video, followed.track
        if followed.track is not None:
            Path(TRACK_FILE).write_bytes(track_to_bytes(followed.track, squeeze=False))
        flash_s = find_flash(video) if _has_two_views(Movement(order.movement)) else None
        return ReadDone(
            video=_video_said(video, followed, sha256=sha256.result(), clap_s=clap.result(), flash_s=flash_s),
            has_track=followed.track is not None,
            findings=_findings(followed, is_picked=at is not None),
            n_network_runs=self._estimator.n_network_runs,
            network_s=self._estimator.network_s,
        )

    def draw(self, order: DrawOrder) -> DrawDone:
        """Draw stills of the flagged frames, and the overlay when it is asked for."""
        cv2.setNumThreads(self._n_threads)
        if order.path is not None:
            self._video = VideoFile(Path(order.path), n_threads=self._n_threads)
            self._track = track_from_bytes(Path(TRACK_FILE).read_bytes())
        if self._video is None or self._track is None:
            msg = "nothing was read that could be drawn"
            raise ValueError(msg)
        kinematics = (
            kinematics_from_bytes(Path(KINEMATICS_FILE).read_bytes()) if order.with_kinematics else None
        )
        events = [event_from(fields) for fields in order.events]
        flagged = [flagged_from(fields) for fields in order.flagged_frames]
        stills = draw_stills(
            self._video,
            track=self._track,
            events=events,
            flagged_frames=flagged,
            kinematics=kinematics,
            path_of=lambda frame: Path(still_file(frame)),
            blur_faces=order.blur_faces,
        )
        if order.overlay:
            draw_overlay(
                self._video,
                track=self._track,
                events=events,
                kinematics=kinematics,
                path=Path(OVERLAY_FILE),
                blur_faces=order.blur_faces,
                on_progress=lambda share: self._say(Stage.PICTURES, share),
            )
        return DrawDone(stills=stills, has_overlay=order.overlay)


def _reading_rule(movement: Movement) -> ReadingRule:
    """Return what a movement needs to have read; all of it when nobody can say."""
    known = MOVEMENTS.get(movement)
    return (
        ReadingRule() if known is None else ReadingRule(plan=known.plan_reading, rate_hz=known.read_rate_hz)
    )


def _findings(followed: Followed, *, is_picked: bool) -> list[FindingSaid]:
    if followed.track is not None:
        return []
    if is_picked:
        return [FindingSaid(code="picked_person_not_found")]
    return [FindingSaid(code="wrong_person_risk" if followed.n_people > 1 else "no_person")]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _clap(path: Path, movement: Movement) -> float | None:
    """Return where a clap is heard; a second camera may have filmed the same trial and heard it, too."""
    return find_clap(path) if _has_two_views(movement) else None


def _has_two_views(movement: Movement) -> bool:
    """Return whether a second camera may have filmed the same trial."""
    known = MOVEMENTS.get(movement)
    return known is not None and len(known.views) > 1


def _video_said(
    video: VideoFile, followed: Followed, *, sha256: str, clap_s: float | None, flash_s: float | None
) -> VideoSaid:
    times = followed.time_s
    interval_s = float(np.median(np.diff(times)))
    width, height = video.size_px
    exposure = exposure_of(video.light)
    return VideoSaid(
        width_px=width,
        height_px=height,
        duration_s=float(times[-1] - times[0] + interval_s),
        n_frames=len(times),
        nominal_fps_hz=1.0 / interval_s,
        rotation_deg=video.rotation_deg,
        codec=video.facts.codec,
        sha256=sha256,
        clap_s=clap_s,
        flash_s=flash_s,
        brightness=None if exposure is None else exposure.brightness,
        contrast=None if exposure is None else exposure.contrast,
        key_bits_per_pixel=video.key_bits_per_pixel,
    )
