"""The overlay video: the recording with legs, knee angles and event names drawn in.

H.264 in yuv420p with the index first, so that it starts at once and plays on an iPhone and in every browser. Each
frame keeps its own time; away from the events no more are drawn than a screen needs. Sound and all metadata of the source (place, device, date) stay behind.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from app.biomech.types import Event, FloatArray, Kinematics, PoseTrack
from app.media.drawing import Canvas, Marks, angles_at, draw_marks, drawn_paths, event_title
from app.media.faces import find_faces
from app.media.frame import Frame
from app.media.frames import VideoFile

_MAX_SHORT_SIDE_PX, _MAX_LONG_SIDE_PX = 720, 1280
_LEAST_APART_S = 0.026
"""Frames nearer than this to the one before are left out: 60 and 120 frames a second become 30, 240 become 34."""
_AROUND_S = 0.15
"""So near an event nothing is left out: it is looked at frame by frame."""
_TIME_BASE = Fraction(1, 90000)
_FLASH_S = 0.4
"""How long an event's name stays, unless the next one comes first."""
_BT709 = 1
_LIMITED_RANGE = 1


def draw_overlay(
    video: VideoFile,
    *,
    track: PoseTrack,
    events: Sequence[Event],
    kinematics: Kinematics | None,
    path: Path,
    blur_faces: bool = False,
    on_progress: Callable[[float], None] = lambda _: None,
) -> None:
    """Write the overlay video."""
    paths_px = drawn_paths(track)
    faces = find_faces(track, paths_px=paths_px) if blur_faces else None
    width, height = _overlay_size(*video.size_px)
    shown = _shown_frames(video.time_s, events)
    with av.open(
        path, "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}
    ) as container:
        stream = container.add_stream(
            "libx264", rate=Fraction(round(len(shown) / video.facts.duration_s * 1000), 1000)
        )
        _set_up(stream, width=width, height=height, n_threads=video.n_threads)
        for frame in video.frames(shown):
            canvas = _canvas(frame, width=width, height=height)
            scale = width / frame.size_px[0]
            if faces is not None:
                faces.hide(canvas, frame=frame.index, scale=scale)
            marks = Marks(
                xy_px=paths_px[frame.index] * scale,
                fppa_deg=angles_at(kinematics, frame.index),
                title=_title(events, frame.time_s),
            )
            draw_marks(canvas, marks)
            picture = VideoFrame.from_ndarray(canvas, format="rgb24").reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
            )
            picture.pts, picture.time_base = round(frame.time_s / _TIME_BASE), _TIME_BASE
            container.mux(stream.encode(picture))
            on_progress((frame.index + 1) / len(track.time_s))
        container.mux(stream.encode(None))


def _shown_frames(time_s: FloatArray, events: Sequence[Event]) -> set[int]:
    """Return the frames that are drawn: all near an event, elsewhere no more than a screen needs."""
    instants = np.array([event.time_s for event in events])
    shown: set[int] = set()
    last_s = -np.inf
    for index, at_s in enumerate(time_s):
        if at_s - last_s >= _LEAST_APART_S or np.any(np.abs(instants - at_s) <= _AROUND_S):
            shown.add(index)
            last_s = at_s
    return shown


def _set_up(stream: VideoStream, *, width: int, height: int, n_threads: int) -> None:
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.time_base = stream.codec_context.time_base = _TIME_BASE
    stream.codec_context.color_primaries = stream.codec_context.color_trc = _BT709
    stream.codec_context.colorspace = _BT709
    stream.codec_context.color_range = _LIMITED_RANGE
    stream.codec_context.thread_count = n_threads
    stream.codec_context.options = {"preset": "veryfast", "crf": "23", "bf": "0", "profile": "high"}


def _overlay_size(width: int, height: int) -> tuple[int, int]:
    """Return the size of the overlay: even, and no larger than a phone shows."""
    scale = min(1.0, _MAX_SHORT_SIDE_PX / min(width, height), _MAX_LONG_SIDE_PX / max(width, height))
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def _canvas(frame: Frame, *, width: int, height: int) -> Canvas:
    picture = frame.picture(max(width, height))  # made smaller while it is converted, in a fifth of the time
    if picture.shape[:2] == (height, width):
        return picture
    return np.ascontiguousarray(
        cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8
    )


def _title(events: Sequence[Event], time_s: float) -> str:
    """Return the name of the event that has just happened; both sides' within a moment count as one."""
    shown = [event for event in events if event.time_s <= time_s < event.time_s + _FLASH_S]
    if not shown:
        return ""
    last = max(shown, key=lambda event: event.time_s)
    same = {event.side for event in shown if event.name is last.name}
    return event_title(last).split(",")[0] if len(same) > 1 else event_title(last)
