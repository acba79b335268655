"""Rendered jumps at 120 and 240 Hz, with frames drawn between those at 60 Hz, for the instants of fast films.

No film with exact truth is faster than 60 Hz. Between two of its frames the picture is moved along the optical flow;
the feet in the interval in which they meet or leave the floor move as fast as they do outside it and stand still for
the rest, which the exact instant is needed for: moved evenly they would meet it a frame too early or late. Bodies are
drawn, not filmed, so this tells what the frame rate does to the instants and nothing else. Made once, under `.cache`.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from bench.accuracy_truth import ClipResult
from bench.speed_clips import CACHE, Planes, flow_between, planes_of

RATES_HZ = (120, 240)
_DRAWN_AS = b"1"
"""Another one draws the clips anew."""
FOOT_EVENTS = {"L": ("IC1_L", "take_off", "IC2_L"), "R": ("IC1_R", "take_off", "IC2_R")}
_LANDS = {"IC1_L": True, "IC1_R": True, "IC2_L": True, "IC2_R": True, "take_off": False}

Shares = NDArray[np.float32]


def made(clip: Path, truth: dict[str, Any], *, fps_hz: int) -> Path:
    """Return a jump at a higher rate, made first when it is not there."""
    digest = hashlib.sha256(clip.read_bytes() + _DRAWN_AS).hexdigest()[:12]
    path = CACHE / "interpolated" / f"{clip.stem}_{fps_hz}_{digest}.mp4"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.mp4")
        _write(clip, truth, partial, fps_hz=fps_hz)
        partial.replace(path)
    return path


def _write(clip: Path, truth: dict[str, Any], path: Path, *, fps_hz: int) -> None:
    with av.open(path, "w", options={"movflags": "+faststart"}) as container:
        stream = None
        for n, planes in enumerate(_pictures(clip, truth, steps=fps_hz // round(truth["fps"]))):
            height, width = planes[0].shape
            if stream is None:
                stream = container.add_stream("libx264", rate=fps_hz)
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
                stream.codec_context.gop_size = fps_hz
                stream.codec_context.options = {"preset": "superfast", "crf": "16"}
            packed = np.concatenate([plane.ravel() for plane in planes]).reshape(-1, width)
            frame = VideoFrame.from_ndarray(packed, format="yuv420p")
            frame.pts = n
            container.mux(stream.encode(frame))
        if stream is not None:
            container.mux(stream.encode(None))


def _pictures(clip: Path, truth: dict[str, Any], *, steps: int) -> Iterator[Planes]:
    """Yield every frame of the clip and those drawn between it and the next."""
    with av.open(clip) as container:
        frames = [planes_of(frame.to_ndarray(format="yuv420p")) for frame in container.decode(video=0)]
    for number, (first, second) in enumerate(pairwise(frames)):
        yield first
        flow = flow_between(first[0], second[0])
        for step in range(1, steps):
            shares = shares_at(truth, number=number, share=step / steps, size_px=first[0].shape[::-1])
            yield [_between(one, other, flow, shares) for one, other in zip(first, second, strict=True)]
    yield frames[-1]


def foot_share(share: float, *, event: float, lands: bool) -> float:
    """Return how much of its way between two frames a foot has gone, when it meets or leaves the floor between them.

    Parameters
    ----------
    share
        Instant, as the share of the interval that has passed.
    event
        Instant of contact or take-off, the same.
    lands
        It moves before the event and stands after it; else the other way round.

    Examples
    --------
    >>> foot_share(0.25, event=0.5, lands=True), foot_share(0.75, event=0.5, lands=True)
    (0.5, 1.0)
    >>> foot_share(0.25, event=0.5, lands=False), foot_share(0.75, event=0.5, lands=False)
    (0.0, 0.5)
    """
    way = share / max(event, 1e-6) if lands else (share - event) / max(1.0 - event, 1e-6)
    return float(np.clip(way, 0.0, 1.0))


def shares_at(truth: dict[str, Any], *, number: int, share: float, size_px: tuple[int, int]) -> Shares:
    """Return how much of its way every point has gone (height, width) between frame `number` and the next."""
    width, height = size_px
    shares = np.full((height, width), share, dtype=np.float32)
    at = {
        joint: np.array(truth["joints2d"][joint][number])
        for joint in ("knee_l", "knee_r", "ankle_l", "ankle_r")
    }
    middle = 0.5 * (at["ankle_l"][0] + at["ankle_r"][0])
    for side, names in FOOT_EVENTS.items():
        ankle, knee = at[f"ankle_{side.lower()}"], at[f"knee_{side.lower()}"]
        for name in names:
            event = float(truth["events"][name]["time"]) * truth["fps"] - number
            if not 0.0 <= event < 1.0:
                continue
            own = foot_share(share, event=event, lands=_LANDS[name])
            # All of the foot, less and less of the shank up to the knee.
            rows = np.clip((np.arange(height) - knee[1]) / max(0.8 * (ankle[1] - knee[1]), 1.0), 0.0, 1.0)
            columns = (np.arange(width) > middle) == (ankle[0] > middle)
            shares += (own - share) * np.outer(rows, columns).astype(np.float32)
    return shares


def _between(
    one: NDArray[np.uint8], other: NDArray[np.uint8], flow: Shares, shares: Shares
) -> NDArray[np.uint8]:
    """Return a plane in which every point has gone its share of the way: both drawn along the flow and blended."""
    size = (one.shape[1], one.shape[0])
    scale = np.float32(one.shape[1] / flow.shape[1])
    motion, gone = (
        (flow, shares) if scale == 1 else (cv2.resize(flow, size) * scale, cv2.resize(shares, size))
    )
    across, down = np.meshgrid(np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32))
    drawn = [
        cv2.remap(
            picture, across + by * motion[..., 0], down + by * motion[..., 1], cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        ).astype(np.float32)
        for picture, by in ((one, -gone), (other, 1.0 - gone))
    ]  # fmt: skip
    return np.asarray(np.clip(np.rint((1.0 - gone) * drawn[0] + gone * drawn[1]), 0, 255), dtype=np.uint8)


def instants_only(result: ClipResult, *, fps_hz: int) -> ClipResult:
    """Return the result of an interpolated clip with its instants alone: its angles are those of the frames it was drawn from."""
    readings = [
        replace(reading, movement=f"{reading.movement} {fps_hz}")
        for reading in result.readings
        if reading.key.startswith("event:")
    ]
    return replace(
        result,
        name=f"{result.name} {fps_hz} Hz",
        source="interpolated",
        fps=float(fps_hz),
        readings=readings,
        series={},
    )


def jumps(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Return the frontal drop jumps of a folder that come with exact truth, at the rate that is interpolated."""
    found = []
    for clip in sorted(folder.glob("*.mp4")):
        beside = clip.with_suffix(".json")
        truth = json.loads(beside.read_text()) if beside.exists() else {}
        if truth.get("movement") == "dvj" and truth.get("fps") == 60 and not clip.stem.startswith("sag_"):
            found.append((clip, truth))
    return found
