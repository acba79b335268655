"""A clap in the sound of a film: the one instant that two cameras share without sharing a clock.

Nothing of the sound is kept but that instant.
"""

from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from app.media.headers import MAX_DURATION_S, NOTHING_DECODED, OPEN_OPTIONS

CODECS = frozenset(
    {"aac", "alac", "mp3", "opus", "vorbis", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_f32le"}
)
"""What phones and cameras record; nothing else reaches a decoder."""
RATE_HZ = 16_000
"""Enough for the edge of a clap, and a third of what a phone records."""
STEP_S = 0.002
"""Step of the loudness."""
BEFORE_S = 0.060
"""Stretch before an instant that says how loud it was until then."""
RISE_S = 0.010
"""A clap is there at once; a compressed one is smeared over a few milliseconds."""
LEAST_RISE_DB = 15.0
"""So much louder than what came just before it [P]."""
LEAST_LEAD_DB = 6.0
"""And rises by so much more than anything else in the film: of two claps neither says which it is [P]."""
APART_S = 0.25
"""What follows sooner is the same clap's echo [P]."""
_QUIET = 1e-5
"""Of full scale: silence is not infinitely quiet."""


def find_clap(path: Path) -> float | None:
    """Return the second, on the clock of the frames, at which one clap or thud stands out in the sound.

    None without sound, in silence, when nothing stands out or more than one thing does, and for sound that
    cannot be decoded: a clap is a help, never a condition. The file was found to be a video within the limits.
    """
    try:
        sound = _read(path)
    except (av.FFmpegError, OSError, ValueError):
        return None
    if sound is None:
        return None
    samples, start_s = sound
    at = _one_clap(_loudness_db(samples))
    return None if at is None else start_s + at * STEP_S


def _read(path: Path) -> tuple[NDArray[np.float32], float] | None:
    """Return the first sound track, mono, and the presentation time of its first sample."""
    parts: list[NDArray[np.float32]] = []
    start_s: float | None = None
    left = int((MAX_DURATION_S + 1.0) * RATE_HZ)
    with av.open(
        path, options=OPEN_OPTIONS, stream_options=NOTHING_DECODED, metadata_errors="ignore"
    ) as container:
        if not container.streams.audio or container.streams.audio[0].codec_context.name not in CODECS:
            return None
        resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE_HZ)
        for frame in container.decode(container.streams.audio[0]):
            if start_s is None:
                start_s = float(frame.time or 0.0)
            for part in resampler.resample(frame):
                parts.append(_samples(part)[:left])
                left -= parts[-1].size
            if left <= 0:
                break
    return None if start_s is None or not parts else (np.concatenate(parts), start_s)


def _samples(frame: AudioFrame) -> NDArray[np.float32]:
    return np.asarray(frame.to_ndarray(), dtype=np.float32).reshape(-1)


def _loudness_db(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the loudness of each step; slopes instead of levels, so that hum and handling noise weigh little."""
    step = round(STEP_S * RATE_HZ)
    slopes = np.diff(np.nan_to_num(samples), prepend=samples[:1])
    n = slopes.size // step
    power = np.mean(slopes[: n * step].reshape(n, step).astype(np.float64) ** 2, axis=1)
    return np.asarray(10.0 * np.log10(power + _QUIET**2))


def _one_clap(loudness_db: NDArray[np.float64]) -> int | None:
    """Return the step of the one sudden rise, None when there is none or another comes near it."""
    before, soon = round(BEFORE_S / STEP_S), round(RISE_S / STEP_S)
    if loudness_db.size < before + soon:
        return None
    # The loudest of the steps before: a voice that swells is no clap.
    until_then = np.lib.stride_tricks.sliding_window_view(loudness_db, before).max(axis=1)
    from_then = np.lib.stride_tricks.sliding_window_view(loudness_db[before:], soon).max(axis=1)
    rise_db = from_then - until_then[: from_then.size]
    at = int(np.argmax(rise_db))
    near = round(APART_S / STEP_S)
    others = np.concatenate([rise_db[: max(0, at - near)], rise_db[at + near :]])
    next_db = float(np.max(others)) if others.size else -np.inf
    if rise_db[at] < LEAST_RISE_DB or rise_db[at] - next_db < LEAST_LEAD_DB:
        return None
    return before + at + int(np.argmax(loudness_db[before + at : before + at + soon]))
