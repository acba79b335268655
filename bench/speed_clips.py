"""Long clips for the speed bench, made from a committed sample and kept under `.cache/bench`.

A phone films from before the athlete is ready until after: ten seconds hold one jump. The sample's standing frames
are played forwards and back before and after it; pictures are enlarged, get the noise of a sensor, and are stored
as a phone does, with a key picture every second. Frames between two of the sample, for 120 Hz and more, are
interpolated along the optical flow, so that every time stamp is true.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "bench"
SAMPLE = ROOT / "samples" / "dvj_f_neutral_60.mp4"
_SAMPLE_HZ = 60
_STANDING = 30
"""Frames at either end of the sample in which the athlete only stands."""
_LEAD = 0.6
"""Share of the padding that comes before the jump."""
_NOISE_TILE = 64

Planes = list[NDArray[np.uint8]]


@dataclass(frozen=True)
class LongClip:
    """One clip that can be made."""

    name: str
    width_px: int
    height_px: int
    fps_hz: int
    duration_s: float
    noise: float
    """Standard deviation of the sensor's noise, grey values."""
    quality: dict[str, str]
    """How it is stored."""
    key_every_s: float = 1.0
    """Phones store a key picture a second; editors and messengers one in several."""

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return CACHE / f"{self.name}.mp4"


CLIPS = (
    LongClip("jump_1080p_60_10s", 1080, 1920, 60, 10.0, 2.0, {"crf": "20"}),
    LongClip("jump_1080p_60_5s", 1080, 1920, 60, 5.0, 2.0, {"crf": "20"}),
    LongClip("jump_1080p_240_10s", 1080, 1920, 240, 10.0, 2.0, {"crf": "20"}),
    LongClip("jump_1080p_60_10s_noisy", 1080, 1920, 60, 10.0, 3.0, {"b": "12M"}),
    LongClip("jump_1080p_60_10s_few_keys", 1080, 1920, 60, 10.0, 2.0, {"crf": "20"}, key_every_s=250 / 60),
)
MEMORY_CLIP = LongClip("jump_4k_30_60s", 2160, 3840, 30, 60.0, 0.0, {"crf": "26"})


def made(clip: LongClip) -> Path:
    """Return the clip's file, made first when it is not there."""
    if not clip.path.exists():
        clip.path.parent.mkdir(parents=True, exist_ok=True)
        partial = clip.path.with_suffix(f".{os.getpid()}.mp4")
        _write(clip, partial)
        partial.replace(clip.path)
    return clip.path


def _write(clip: LongClip, path: Path) -> None:
    rng = np.random.default_rng(7)
    height, width = clip.height_px + _NOISE_TILE, clip.width_px + _NOISE_TILE
    noise = (rng.normal(0.0, 1.0, (height, width)) * clip.noise).astype(np.int16)
    with av.open(path, "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=clip.fps_hz)
        stream.width, stream.height, stream.pix_fmt = clip.width_px, clip.height_px, "yuv420p"
        stream.codec_context.gop_size = round(clip.fps_hz * clip.key_every_s)
        stream.codec_context.options = {
            "preset": "superfast", "bf": "0", "sc_threshold": "0", **clip.quality,
        }  # fmt: skip
        for n, planes in enumerate(_pictures(clip)):
            large = [
                cv2.resize(plane, size, interpolation=cv2.INTER_CUBIC)
                for plane, size in zip(planes, _sizes(clip), strict=True)
            ]
            if clip.noise:
                down, across = rng.integers(0, _NOISE_TILE, 2)
                tile = noise[down : down + clip.height_px, across : across + clip.width_px]
                large[0] = np.clip(large[0] + tile, 0, 255).astype(np.uint8)
            frame = VideoFrame.from_ndarray(np.concatenate([p.ravel() for p in large]).reshape(-1, clip.width_px), format="yuv420p")  # fmt: skip
            frame.pts = n
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _sizes(clip: LongClip) -> list[tuple[int, int]]:
    half = (clip.width_px // 2, clip.height_px // 2)
    return [(clip.width_px, clip.height_px), half, half]


def _pictures(clip: LongClip) -> Iterator[Planes]:
    """Yield the planes of every frame, in the sample's size."""
    with av.open(SAMPLE) as container:
        sample = [planes_of(frame.to_ndarray(format="yuv420p")) for frame in container.decode(video=0)]
    order = _order(len(sample), round(clip.duration_s * _SAMPLE_HZ))
    if clip.fps_hz < _SAMPLE_HZ:
        yield from (sample[n] for n in order[:: _SAMPLE_HZ // clip.fps_hz])
        return
    steps = clip.fps_hz // _SAMPLE_HZ
    flows: dict[tuple[int, int], NDArray[np.float32]] = {}
    for first, second in pairwise([*order, order[-1]]):
        yield sample[first]
        for step in range(1, steps):
            if (first, second) not in flows:
                flows = {(first, second): flow_between(sample[first][0], sample[second][0])}
            yield _between(sample[first], sample[second], flows[first, second], step / steps)


def _order(n_sample: int, n_total: int) -> list[int]:
    """Return which frame of the sample is shown when: standing, the whole sample, standing."""
    lead = max(0, round((n_total - n_sample) * _LEAD))
    tail = max(0, n_total - n_sample - lead)
    before = [_back_and_forth(lead - n) for n in range(lead)]
    after = [n_sample - 1 - _back_and_forth(n + 1) for n in range(tail)]
    return [*before, *range(n_sample), *after][:n_total]


def _back_and_forth(n: int) -> int:
    return _STANDING - abs(n % (2 * _STANDING) - _STANDING)


def planes_of(packed: NDArray[np.uint8]) -> Planes:
    """Return the three planes of a picture in yuv420p."""
    height = packed.shape[0] * 2 // 3
    chroma = packed[height:].reshape(2, height // 2, -1)
    return [packed[:height], chroma[0], chroma[1]]


def flow_between(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how every point moves from one brightness plane to the next, (height, width, 2) pixels."""
    flow: NDArray[np.float32] = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST).calc(
        first, second, None
    )
    return flow


def _between(first: Planes, second: Planes, flow: NDArray[np.float32], share: float) -> Planes:
    """Return the planes at a share of the way, both pictures drawn along the flow and blended."""
    result = []
    for one, other in zip(first, second, strict=True):
        size = (one.shape[1], one.shape[0])
        scale = one.shape[1] / flow.shape[1]
        motion = flow if scale == 1 else cv2.resize(flow, size) * np.float32(scale)
        across, down = np.meshgrid(np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32))
        drawn = [
            cv2.remap(
                picture, across + by * motion[..., 0], down + by * motion[..., 1], cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
            for picture, by in ((one, -share), (other, 1 - share))
        ]  # fmt: skip
        result.append(cv2.addWeighted(drawn[0], 1 - share, drawn[1], share, 0.0))
    return result
