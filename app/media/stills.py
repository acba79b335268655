"""Stills of the frames worth looking at: the athlete large, the legs drawn, the instant named."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from app.biomech.types import Event, FlaggedFrame, FloatArray, Kinematics, PoseTrack
from app.media.drawing import Canvas, Marks, angles_at, draw_marks, drawn_paths, flagged_title
from app.media.faces import Faces, find_faces
from app.media.frame import Frame
from app.media.frames import VideoFile

_HEIGHT_PX = 960
_ASPECT = 3 / 4
"""Width over height: fills a phone's screen held upright."""
_ROOM = 1.25
"""Height of the still over the extent of the body in it."""
_JPEG_QUALITY = 88


def draw_stills(
    video: VideoFile,
    *,
    track: PoseTrack,
    events: Sequence[Event],  # noqa: ARG001  # the flagged frames name their events
    flagged_frames: Sequence[FlaggedFrame],
    kinematics: Kinematics | None,
    path_of: Callable[[int], Path],
    blur_faces: bool = False,
) -> list[int]:
    """Write one JPEG per flagged frame and return the frames, in order."""
    wanted: dict[int, list[FlaggedFrame]] = {}
    for flagged in flagged_frames:
        if 0 <= flagged.frame < len(track.time_s):
            wanted.setdefault(flagged.frame, []).append(flagged)
    drawn: list[int] = []
    paths_px = drawn_paths(track)
    faces = find_faces(track, paths_px=paths_px) if blur_faces else None
    for frame in video.frames(wanted):
        still = _still(
            frame,
            xy=paths_px[frame.index],
            kinematics=kinematics,
            title=flagged_title(wanted[frame.index]),
            faces=faces,
        )
        _, encoded = cv2.imencode(".jpg", still[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        path_of(frame.index).write_bytes(encoded.tobytes())
        drawn.append(frame.index)
    return drawn


def _still(
    frame: Frame, *, xy: FloatArray, kinematics: Kinematics | None, title: str, faces: Faces | None
) -> Canvas:
    picture = frame.picture()
    left, top, width, height = _crop(xy, size=(picture.shape[1], picture.shape[0]))
    scale = _HEIGHT_PX / height
    size = (round(width * scale), _HEIGHT_PX)
    shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    canvas = np.ascontiguousarray(
        cv2.resize(picture[top : top + height, left : left + width], size, interpolation=shrink),
        dtype=np.uint8,
    )
    if faces is not None:
        faces.hide(canvas, frame=frame.index, offset_px=(left, top), scale=scale)
    marks = Marks(
        xy_px=(xy - np.array([left, top])) * scale,
        fppa_deg=angles_at(kinematics, frame.index),
        title=title,
        time_s=frame.time_s,
    )
    draw_marks(canvas, marks)
    return canvas


def _crop(xy_px: FloatArray, *, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return left, top, width and height of the part of the picture that shows the body; all of it without one."""
    width, height = size
    points = xy_px[np.isfinite(xy_px).all(axis=1)]
    if not len(points):
        return 0, 0, width, height
    low, high = points.min(axis=0), points.max(axis=0)
    middle = (low + high) / 2
    crop_height = min(float(height), max((high - low)[1], (high - low)[0] / _ASPECT) * _ROOM)
    crop_width = min(float(width), crop_height * _ASPECT)
    left = min(max(middle[0] - crop_width / 2, 0.0), width - crop_width)
    top = min(max(middle[1] - crop_height / 2, 0.0), height - crop_height)
    return round(left), round(top), max(2, int(crop_width)), max(2, int(crop_height))
