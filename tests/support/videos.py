"""Small videos for tests: true content, known times."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

_TIME_BASE = Fraction(1, 60000)
SOUND_HZ = 44_100
Sound = NDArray[np.float32]


def write_video(
    path: Path,
    *,
    times_s: Sequence[float],
    codec: str = "libx264",
    size: tuple[int, int] = (96, 64),
    rotation_deg: int = 0,
    faststart: bool = False,
    pixel_format: str = "yuv420p",
) -> Path:
    """Write frames that are white in their upper left quarter and otherwise grey, at the given times."""
    width, height = size
    options = {"movflags": "+faststart"} if faststart else {}
    with av.open(path, "w", options=options) as container:
        stream = container.add_stream(codec, rate=60)
        stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
        stream.time_base = stream.codec_context.time_base = _TIME_BASE
        if rotation_deg:
            stream.set_display_rotation(rotation_deg)
        picture = np.full((height, width, 3), 90, dtype=np.uint8)
        picture[: height // 2, : width // 2] = 255
        for time_s in times_s:
            frame = VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pixel_format)
            frame.pts, frame.time_base = round(time_s / _TIME_BASE), _TIME_BASE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_flash(
    path: Path,
    *,
    lit: Sequence[int],
    n_frames: int = 60,
    part: float = 1.0,
    by: int = 60,
    codec: str = "libx264",
) -> Path:
    """Write 30 frames a second of a room in which somebody walks, brighter in some frames, from the left to a part of it."""
    rng = np.random.default_rng(4)
    wall = rng.integers(40, 120, (12, 16), dtype=np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    with av.open(path, "w") as container:
        options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
        stream = container.add_stream(codec, rate=30, options=options)
        stream.width, stream.height, stream.pix_fmt = wall.shape[1], wall.shape[0], "yuv420p"
        for n in range(n_frames):
            room_now = wall.copy()
            room_now[30:80, 20 + n : 40 + n] = 200
            if n in lit:
                width = round(part * wall.shape[1])
                room_now[:, :width] = np.clip(room_now[:, :width].astype(int) + by, 0, 255)
            frame = VideoFrame.from_ndarray(np.stack([room_now] * 3, axis=2), format="rgb24")
            frame = frame.reformat(format="yuv420p")
            frame.pts = n
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def steady(n_frames: int, fps_hz: float) -> list[float]:
    """Return the times of a steady video."""
    return [frame / fps_hz for frame in range(n_frames)]


def write_sound(path: Path) -> Path:
    """Write a file with sound and no picture."""
    with av.open(path, "w") as container:
        stream = container.add_stream("aac", rate=44100)
        for n in range(20):
            frame = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono"
            )
            frame.sample_rate, frame.pts = 44100, n * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_mirrored(path: Path, *, of: Path) -> Path:
    """Write a clip with each picture mirrored left to right, at the same times."""
    with av.open(of) as source, av.open(path, "w") as container:
        shown = source.streams.video[0]
        stream = container.add_stream("libx264", rate=shown.average_rate, options={"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = shown.width, shown.height, "yuv420p"
        stream.time_base = stream.codec_context.time_base = shown.time_base
        for frame in source.decode(shown):
            picture = np.ascontiguousarray(frame.to_ndarray(format="rgb24")[:, ::-1])
            mirrored = VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
            mirrored.pts, mirrored.time_base = frame.pts, frame.time_base
            container.mux(stream.encode(mirrored))
        container.mux(stream.encode(None))
    return path


def room(seconds: float = 3.0, *, level: float = 0.002, seed: int = 1) -> Sound:
    """Return the noise of a gym."""
    return np.random.default_rng(seed).normal(0.0, level, int(seconds * SOUND_HZ)).astype(np.float32)


def with_claps(sound: Sound, times_s: Sequence[float], *, loud: float = 0.6) -> Sound:
    """Return the sound with claps: broad noise that is there at once and dies away in 20 ms, with an echo."""
    result = sound.copy()
    t = np.arange(int(0.15 * SOUND_HZ)) / SOUND_HZ
    noise = np.random.default_rng(2).normal(0.0, 1.0, t.size)
    clap = loud * noise * (np.exp(-t / 0.006) + 0.1 * np.exp(-t / 0.05))
    for time_s in times_s:
        at = round(time_s * SOUND_HZ)
        part = result[at : at + clap.size]
        part += clap[: part.size].astype(np.float32)
    return np.clip(result, -1.0, 1.0)


def write_film_with_sound(path: Path, *, sound: Sound) -> Path:
    """Write a film of grey pictures at 30 a second, as long as its mono sound."""
    with av.open(path, "w") as container:
        video = container.add_stream("libx264", rate=30)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        audio = container.add_stream("aac", rate=SOUND_HZ, layout="mono")
        for n in range(max(12, round(sound.size / SOUND_HZ * 30))):
            frame = VideoFrame.from_ndarray(np.full((64, 64, 3), 90, dtype=np.uint8), format="rgb24")
            frame = frame.reformat(format="yuv420p")
            frame.pts = n
            container.mux(video.encode(frame))
        for start in range(0, sound.size, 1024):
            part = av.AudioFrame.from_ndarray(sound[None, start : start + 1024], format="fltp", layout="mono")
            part.sample_rate, part.pts = SOUND_HZ, start
            container.mux(audio.encode(part))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path
