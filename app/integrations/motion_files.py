"""One trial as the files that biomechanics software opens: TRC, MOT and C3D.

Axes: x to the right of the picture, y up, z zero throughout (one camera sees no depth); the origin is the bottom
left corner of the upright picture. Markers are named as Sports2D and OpenPose name them. NaN ("not measured") is an
empty cell in TRC, ``nan`` in MOT and an invalid point in C3D; it is never filled.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from app.biomech.joints import Joint
from app.biomech.types import Event, EventName, FloatArray, Side
from app.integrations.c3d_writer import C3dEvent, c3d_bytes

MARKERS: Mapping[str, tuple[Joint, ...]] = {
    "Hip": (Joint.LEFT_HIP, Joint.RIGHT_HIP),
    "Neck": (Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER),
    "Nose": (Joint.NOSE,),
    **{
        f"{side[0]}{name}": (Joint[f"{side}_{part}"],)
        for side in ("RIGHT", "LEFT")
        for name, part in (
            ("Shoulder", "SHOULDER"),
            ("Elbow", "ELBOW"),
            ("Wrist", "WRIST"),
            ("Hip", "HIP"),
            ("Knee", "KNEE"),
            ("Ankle", "ANKLE"),
            ("Heel", "HEEL"),
            ("BigToe", "FOOT_INDEX"),
        )
    },
}
"""Marker names and the landmarks whose mean they are."""
SIGN_NOTE = (
    "Signs: fppa is positive where the knee is medial of the line hip to ankle (valgus), on both sides;"
    " knee_flexion is 0 in a straight leg and positive in flexion; trunk angles as in the metric definitions."
    " Angles in the picture of one camera, not joint angles in space. Not measured: nan."
)
_EVEN_WITHIN_S = 1e-4
_GAP_INTERVALS = 1.75
"""A step between frames longer than this many median ones is a gap, and nothing is interpolated in it [P]."""
_MM_PER_M = 1000.0
_TRC_FACTS = (
    "DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units",
    "OrigDataRate", "OrigDataStartFrame", "OrigNumFrames",
)  # fmt: skip
_C3D_EVENTS = {
    EventName.INITIAL_CONTACT: "Foot Strike",
    EventName.SECOND_CONTACT: "Foot Strike",
    EventName.FOOT_STRIKE: "Foot Strike",
    EventName.PLANT: "Foot Strike",
    EventName.TAKE_OFF: "Foot Off",
    EventName.TOE_OFF: "Foot Off",
}
"""Contacts and take-offs under the labels that gait software knows; the other events keep our names."""
_C3D_SIDES = {Side.LEFT: "Left", Side.RIGHT: "Right", Side.BOTH: "General"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """One trial in metres and degrees."""

    name: str
    time_s: FloatArray
    """(T,) presentation times of the frames, strictly increasing, at least two."""
    markers_m: Mapping[str, FloatArray]
    """Each (T, 2), x right and y up, NaN where not measured."""
    angles_deg: Mapping[str, FloatArray]
    """Each (T,), by the name of its column, without a unit suffix."""
    events: tuple[Event, ...] = ()

    def __post_init__(self) -> None:
        """Check shapes once, and that there is a rate."""
        n = self.time_s.shape[0]
        if n < 2 or not np.all(np.diff(self.time_s) > 0):
            msg = "time_s must hold at least two strictly increasing times"
            raise ValueError(msg)
        for name, values in self.markers_m.items():
            if values.shape != (n, 2):
                msg = f"marker {name} must have shape {(n, 2)}, got {values.shape}"
                raise ValueError(msg)
        for name, values in self.angles_deg.items():
            if values.shape != (n,):
                msg = f"angle {name} must have shape {(n,)}, got {values.shape}"
                raise ValueError(msg)

    @property
    def rate_hz(self) -> float:
        """Frames over the time they took: what a reader who counts frames needs for the right duration."""
        return float((self.time_s.shape[0] - 1) / (self.time_s[-1] - self.time_s[0]))


def markers_m(xy_px: FloatArray, *, image_height_px: int, m_per_px: float) -> dict[str, FloatArray]:
    """Return the markers' places in metres, each (T, 2), from landmarks in pixels, (T, 33, 2), y down."""
    x_m = xy_px[..., 0] * m_per_px
    y_m = (image_height_px - xy_px[..., 1]) * m_per_px
    places = np.stack((x_m, y_m), axis=-1)
    return {name: places[:, list(joints)].mean(axis=1) for name, joints in MARKERS.items()}


def angle_columns(series: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return the series in degrees that hold any number, by name without the suffix."""
    return {
        name.removesuffix("_deg"): values
        for name, values in series.items()
        if name.endswith("_deg") and np.isfinite(values).any()
    }


def motion_to_trc(motion: Motion) -> bytes:
    """Return the markers as a TRC file, at the true times of the frames."""
    n, rate = motion.time_s.shape[0], _number(motion.rate_hz)
    names = list(motion.markers_m)
    heads = (
        ("PathFileType", "4", "(X/Y/Z)", f"{motion.name}.trc"),
        _TRC_FACTS,
        (rate, rate, str(n), str(len(names)), "m", rate, "1", str(n)),
        ("Frame#", "Time", *(cell for name in names for cell in (name, "", ""))),
        ("", "", *(f"{axis}{i}" for i in range(1, len(names) + 1) for axis in "XYZ")),
        (),
    )
    rows = (
        (
            str(frame + 1),
            _number(motion.time_s[frame]),
            *(cell for places in motion.markers_m.values() for cell in _trc_point(places[frame])),
        )
        for frame in range(n)
    )
    return _tabbed([*heads, *rows])


def motion_to_mot(motion: Motion) -> bytes:
    """Return the angles as a MOT file, at the true times of the frames."""
    names = list(motion.angles_deg)
    heads = (
        (motion.name,),
        ("version=1",),
        (f"nRows={motion.time_s.shape[0]}",),
        (f"nColumns={len(names) + 1}",),
        ("inDegrees=yes",),
        (SIGN_NOTE,),
        ("endheader",),
        ("time", *names),
    )
    columns = (motion.time_s, *motion.angles_deg.values())
    return _tabbed([*heads, *(tuple(map(_number, row)) for row in zip(*columns, strict=True))])


def motion_to_c3d(motion: Motion) -> bytes:
    """Return the markers in millimetres and the events as a C3D file.

    The format knows a rate and no times. Frames of a phone come unevenly; where they are off the even grid by more
    than a tenth of a millisecond, the markers are interpolated on it. Times of events count from the first frame.
    """
    places_mm = _MM_PER_M * np.stack(list(motion.markers_m.values()), axis=1)
    return c3d_bytes(
        points=_even(motion.time_s, places_mm, rate_hz=motion.rate_hz),
        labels=tuple(motion.markers_m),
        rate_hz=motion.rate_hz,
        units="mm",
        events=tuple(
            C3dEvent(
                context=_C3D_SIDES[event.side],
                label=_C3D_EVENTS.get(event.name, event.name.value),
                time_s=event.time_s - float(motion.time_s[0]),
            )
            for event in sorted(motion.events, key=lambda event: event.time_s)
        ),
    )


def _even(time_s: FloatArray, places: FloatArray, *, rate_hz: float) -> FloatArray:
    """Return (T, M, 2) at even times; NaN next to what was not measured, and in gaps between frames."""
    even_s = time_s[0] + np.arange(time_s.shape[0]) / rate_hz
    if np.abs(even_s - time_s).max() <= _EVEN_WITHIN_S:
        return places
    after = np.clip(np.searchsorted(time_s, even_s), 1, time_s.shape[0] - 1)
    steps = np.diff(time_s)
    share = np.clip((even_s - time_s[after - 1]) / steps[after - 1], 0.0, 1.0)[:, None, None]
    between = places[after - 1] * (1.0 - share) + places[after] * share
    in_gap = steps[after - 1] > _GAP_INTERVALS * np.median(steps)
    return np.where(in_gap[:, None, None], np.nan, between)


def _trc_point(place: FloatArray) -> tuple[str, str, str]:
    if not np.isfinite(place).all():
        return "", "", ""
    return _number(place[0]), _number(place[1]), _number(0.0)


def _number(value: float) -> str:
    """Return a number to the micrometre or microsecond; adding 0.0 turns -0.0 into 0.0."""
    return f"{round(float(value), 6) + 0.0:.6f}"


def _tabbed(lines: list[tuple[str, ...]]) -> bytes:
    return "".join("\t".join(line) + "\n" for line in lines).encode()
