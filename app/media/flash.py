"""A flash in the picture: an instant that two cameras share without sharing a clock, where no sound says it.

Looked for in the frames that were decoded for reading anyway; what else was in the film is not known.
"""

import numpy as np
from numpy.typing import NDArray

from app.media.facts import VideoRefusedError
from app.media.frames import VideoFile

LONGEST_S = 0.15
"""A longer light is a lamp that was switched on [P]."""
LEAST_RISE = 8.0
"""Mean rise of the brightness over the picture, of 255 [P]."""
LEAST_PART = 0.6
"""Part of the picture that becomes brighter: a white shirt that comes into it does not reach this [P]."""
LEAST_LEAD = 2.0
"""And rises by so many times more than anything else in the film: of two flashes neither says which it is [P]."""
_BEFORE_S = 0.5
"""How long before it a frame still says how bright it was."""
_STARTED = 0.3
"""Share of the rise from which the flash is taken to be there."""

Levels = NDArray[np.float64]


def find_flash(video: VideoFile) -> float | None:
    """Return the second of the frame in which the one flash begins, on the clock of the frames.

    None when there is none among the frames decoded so far, when there is more than one, or when the frames just
    before it cannot be decoded.
    """
    at = _brightest_jump(video)
    if at is None:
        return None
    time_s = video.time_s
    # frames round it that nobody wanted yet; after this every one of them is there
    missing = [
        n for n in np.flatnonzero(np.abs(time_s - time_s[at]) <= LONGEST_S).tolist() if n not in video.light
    ]
    if missing:
        try:
            for _ in video.frames(missing):
                pass
        except VideoRefusedError:
            return None
    start = _start(video, at)
    return None if start is None else float(time_s[start])


def _brightest_jump(video: VideoFile) -> int | None:
    """Return the frame that rises most above the one decoded before it, None when it does not stand out."""
    frames = sorted(video.light)
    if len(frames) < 3:
        return None
    time_s = video.time_s[frames]
    level = np.array([video.light[n].mean(dtype=np.float64) for n in frames])
    rise = np.where(np.diff(time_s) <= _BEFORE_S, np.diff(level), 0.0)
    at = int(np.argmax(rise))
    others = rise[np.abs(time_s[1:] - time_s[1 + at]) > LONGEST_S]
    lead = float(np.max(others, initial=0.0))
    if rise[at] < LEAST_RISE or rise[at] < LEAST_LEAD * lead:
        return None
    return frames[at + 1]


def _start(video: VideoFile, at: int) -> int | None:
    """Return the first bright frame round one, None when the light stays or is only in a part of the picture."""
    time_s = video.time_s
    near = [n for n in sorted(video.light) if abs(time_s[n] - time_s[at]) <= 2.0 * LONGEST_S]
    before = [video.light[n] for n in near if time_s[n] < time_s[at] - 0.5 * LONGEST_S]
    after = [n for n in near if time_s[n] > time_s[at]]
    if not before or not after:
        return None
    dark: Levels = np.median(before, axis=0)
    rise = {n: video.light[n] - dark for n in near}
    top = max(near, key=lambda n: float(rise[n].mean()))
    full = float(rise[top].mean())
    is_wide = float(np.mean(rise[top] > _STARTED * full)) >= LEAST_PART
    is_over = min(float(rise[n].mean()) for n in after) < 0.5 * full
    if full < LEAST_RISE or not is_wide or not is_over:
        return None
    return next(n for n in near if float(rise[n].mean()) >= _STARTED * full)
