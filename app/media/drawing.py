"""How a measured frame looks: legs, the angle of each knee, and a name for the instant.

Left and right differ in colour, in the shape of the joints and by letter, never by colour alone.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

import cv2
import numpy as np
from numpy.typing import NDArray

from app.biomech import signals
from app.biomech.joints import Joint
from app.biomech.types import Event, EventName, FlaggedFrame, FloatArray, Kinematics, PoseTrack, Side

Canvas = NDArray[np.uint8]
"""(height, width, 3) red, green, blue; drawn on in place."""
Colour = tuple[int, int, int]

_LEFT: Colour = (45, 212, 191)
_RIGHT: Colour = (251, 191, 36)
_PELVIS: Colour = (241, 245, 249)
_INK: Colour = (15, 23, 42)
_PAPER: Colour = (248, 250, 252)
_ACCENT: Colour = (99, 102, 241)
_LEGS = {
    Side.LEFT: (Joint.LEFT_HIP, Joint.LEFT_KNEE, Joint.LEFT_ANKLE),
    Side.RIGHT: (Joint.RIGHT_HIP, Joint.RIGHT_KNEE, Joint.RIGHT_ANKLE),
}
_SIDE_COLOURS = {Side.LEFT: _LEFT, Side.RIGHT: _RIGHT}
_WORDS = {
    EventName.STEP_OFF: "Step-off",
    EventName.INITIAL_CONTACT: "Initial contact",
    EventName.PEAK_KNEE_FLEXION: "Deepest knee bend",
    EventName.TAKE_OFF: "Take-off",
    EventName.SECOND_CONTACT: "Second landing",
    EventName.DESCENT_START: "Down",
    EventName.ASCENT_STOP: "Up",
}
"""Where the event's own name, spelled out, is not what people say."""
_OTHER_WORDS = {"peak_valgus": "Peak knee valgus"}
_SUBPIXEL_BITS = 4
LONGEST_GAP_S = 1.3
"""Somebody who stands is looked at once a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What is drawn on one frame."""

    xy_px: FloatArray
    """(33, 2) in canvas pixels; NaN where not measured."""
    fppa_deg: Mapping[Side, float]
    """Angle of each knee, NaN or missing where not measured."""
    title: str = ""
    """Name of the instant; empty for none."""
    time_s: float | None = None


def drawn_paths(track: PoseTrack) -> FloatArray:
    """Return where the athlete is drawn in each frame, (T, 33, 2): between readings along smooth lines.

    Where little happens only some frames were read; an athlete is not drawn where none was for `LONGEST_GAP_S`.
    """
    return signals.fill_gaps(track.time_s, track.xy_px, max_gap_s=LONGEST_GAP_S)


def draw_marks(canvas: Canvas, marks: Marks) -> None:
    """Draw everything on the canvas, in place."""
    unit = max(1.0, min(canvas.shape[:2]) / 240)
    hips = marks.xy_px[[Joint.LEFT_HIP, Joint.RIGHT_HIP]]
    if np.isfinite(hips).all():
        _line(canvas, hips[0], hips[1], colour=_PELVIS, width=unit * 1.2)
    for side, joints in _LEGS.items():
        _draw_leg(canvas, marks.xy_px[list(joints)], side=side, unit=unit)
    for side in _LEGS:
        _draw_angle(canvas, marks, side=side, unit=unit)
    if marks.title:
        _draw_title(canvas, marks.title, unit=unit)
    if marks.time_s is not None:
        _tag(
            canvas,
            f"{marks.time_s:.2f} s",
            at=(unit * 6, canvas.shape[0] - unit * 16),
            size=unit * 7.5,
            unit=unit,
        )


def angles_at(kinematics: Kinematics | None, frame: int) -> dict[Side, float]:
    """Return the projection angle of each knee in a frame, NaN where there is none."""
    names = {Side.LEFT: "fppa_left_deg", Side.RIGHT: "fppa_right_deg"}
    if kinematics is None:
        return {}
    return {
        side: float(kinematics.series[name][frame])
        for side, name in names.items()
        if name in kinematics.series and frame < len(kinematics.series[name])
    }


def event_title(event: Event) -> str:
    """Return an event's name as it stands on a picture."""
    number = "" if event.repetition is None else f" {event.repetition}"
    return _reason_words(event.name.value) + number + _sides([event.side])


def flagged_title(flagged: list[FlaggedFrame]) -> str:
    """Return why a frame was picked, all reasons in one line."""
    sides: dict[str, list[Side]] = {}
    for item in flagged:
        sides.setdefault(item.reason, []).append(item.side)
    return " / ".join(_reason_words(reason) + _sides(which) for reason, which in sides.items())


def _reason_words(reason: str) -> str:
    spelled_out = reason.replace("_", " ").capitalize()
    if reason in set(EventName):
        return _WORDS.get(EventName(reason), spelled_out)
    return _OTHER_WORDS.get(reason, spelled_out)


def _sides(sides: list[Side]) -> str:
    named = sorted({side.value for side in sides if side is not Side.BOTH})
    return f", {named[0]}" if len(named) == 1 else ""


def _draw_leg(canvas: Canvas, points: FloatArray, *, side: Side, unit: float) -> None:
    colour = _SIDE_COLOURS[side]
    for start, end in itertools.pairwise(points):
        if np.isfinite([start, end]).all():
            _line(canvas, start, end, colour=colour, width=unit * 1.8)
    for point in points:
        if np.isfinite(point).all():
            _joint(canvas, point, side=side, radius=unit * 2.6)


def _line(canvas: Canvas, start: FloatArray, end: FloatArray, *, colour: Colour, width: float) -> None:
    """Draw a line with a dark rim, so that it shows on any clothing."""
    for ink, extra in ((_INK, 2.0), (colour, 0.0)):
        thickness = max(1, round(width + extra * max(1.0, width / 4)))
        cv2.line(canvas, _fixed(start), _fixed(end), ink, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)


def _joint(canvas: Canvas, point: FloatArray, *, side: Side, radius: float) -> None:
    """Draw a joint: round on the left, square on the right."""
    for ink, size in ((_INK, radius * 1.35), (_PAPER, radius), (_SIDE_COLOURS[side], radius * 0.6)):
        if side is Side.LEFT:
            cv2.circle(
                canvas, _fixed(point), round(size * 2**_SUBPIXEL_BITS), ink, -1, cv2.LINE_AA, _SUBPIXEL_BITS
            )
        else:
            low, high = _fixed(point - size * 0.9), _fixed(point + size * 0.9)
            cv2.rectangle(canvas, low, high, ink, -1, cv2.LINE_AA, _SUBPIXEL_BITS)


def _draw_angle(canvas: Canvas, marks: Marks, *, side: Side, unit: float) -> None:
    """Write the angle beside the knee, on the side away from the other leg."""
    value = marks.fppa_deg.get(side, float("nan"))
    knee, hip = (marks.xy_px[joint] for joint in (_LEGS[side][1], _LEGS[side][0]))
    if not isfinite(value) or not np.isfinite(knee).all():
        return
    other = marks.xy_px[_LEGS[Side.RIGHT if side is Side.LEFT else Side.LEFT][1]]
    reference = other if np.isfinite(other).all() else hip
    rounded = round(value)
    word = "" if rounded == 0 else " in" if rounded > 0 else " out"
    text = f"{side.value[0].upper()} {abs(rounded)}\N{DEGREE SIGN}{word}"
    size = unit * 10
    width, _ = _text_size(text, size)
    gap = unit * 9
    left = knee[0] + gap if knee[0] >= reference[0] else knee[0] - gap - width - unit * 6
    _tag(
        canvas,
        text,
        at=(float(left), float(knee[1] - size * 0.8)),
        size=size,
        unit=unit,
        edge=_SIDE_COLOURS[side],
    )


def _draw_title(canvas: Canvas, text: str, *, unit: float) -> None:
    """Write the name of the instant across the top, as large as fits."""
    size = unit * 12
    width, _ = _text_size(text, size)
    room = canvas.shape[1] - unit * 24
    if width > room:
        size *= room / width
        width, _ = _text_size(text, size)
    left = (canvas.shape[1] - width) / 2 - unit * 3
    _tag(canvas, text, at=(left, unit * 8), size=size, unit=unit, edge=_ACCENT)


def _tag(
    canvas: Canvas,
    text: str,
    *,
    at: tuple[float, float],
    size: float,
    unit: float,
    edge: Colour | None = None,
) -> None:
    """Write text on a dark plate, kept inside the picture."""
    width, height = _text_size(text, size)
    pad = unit * 3
    box_width, box_height = width + 2 * pad, size * 1.1 + 2 * pad * 0.7
    left = min(max(at[0], 0.0), max(0.0, canvas.shape[1] - box_width))
    top = min(max(at[1], 0.0), max(0.0, canvas.shape[0] - box_height))
    x0, y0, x1, y1 = (round(v) for v in (left, top, left + box_width, top + box_height))
    plate = canvas[y0:y1, x0:x1]
    plate[:] = (plate * 0.22 + np.array(_INK) * 0.78).astype(np.uint8)
    if edge is not None:
        cv2.rectangle(canvas, (x0, y1 - max(2, round(unit))), (x1, y1), edge, -1)
    baseline = round(top + box_height / 2 + height / 2)
    cv2.putText(canvas, text, (round(left + pad), baseline), _PAPER, _font(), round(size), 600)


def _font() -> "cv2.FontFace":
    return cv2.FontFace("sans")


def _text_size(text: str, size: float) -> tuple[float, float]:
    """Return width and cap height in pixels."""
    _, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), _font(), round(size), 600)
    return float(width), size * 0.7


def _fixed(point: FloatArray) -> tuple[int, int]:
    """Return a point in the fixed-point numbers that draw between pixels."""
    x, y = (round((float(value) - 0.5) * 2**_SUBPIXEL_BITS) for value in point)
    return x, y
