"""One trial in metres and degrees, of which every number is known."""

from pathlib import Path

import numpy as np

from app.biomech.types import Event, EventName, FloatArray, Side
from app.integrations.motion_files import MARKERS, Motion

RATE_HZ = 29.97
N_FRAMES = 40
HIDDEN = (7, "LKnee")


def _event(name: EventName, side: Side, time_s: float) -> Event:
    return Event(name=name, side=side, time_s=time_s, frame=round((time_s - 0.2) * RATE_HZ), sd_s=0.01)


def make_markers(time_s: FloatArray) -> dict[str, FloatArray]:
    """Return markers that move on straight lines, so that interpolation is exact."""
    t = time_s - time_s[0]
    return {
        name: np.stack((0.3 + 0.11 * i + 0.2 * t, 1.7 - 0.04 * i - 0.5 * t), axis=1)
        for i, name in enumerate(MARKERS)
    }


def make_motion(time_s: FloatArray | None = None) -> Motion:
    time_s = 0.2 + np.arange(N_FRAMES) / RATE_HZ if time_s is None else time_s
    markers = make_markers(time_s)
    frame, name = HIDDEN
    markers[name][frame] = np.nan
    fppa = 10.0 * np.sin(time_s * 3.0)
    fppa[:3] = np.nan
    return Motion(
        name="trial",
        time_s=time_s,
        markers_m=markers,
        angles_deg={"fppa_left": fppa, "fppa_right": -fppa, "trunk_lean": 0.5 * np.cos(time_s)},
        events=(
            _event(EventName.TAKE_OFF, Side.RIGHT, 0.911),
            _event(EventName.INITIAL_CONTACT, Side.LEFT, 0.5123),
            _event(EventName.PEAK_KNEE_FLEXION, Side.BOTH, 0.7),
        ),
    )


def written(folder: Path, name: str, content: bytes) -> str:
    path = folder / name
    path.write_bytes(content)
    return str(path)
