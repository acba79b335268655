"""Frames of a video file, upright, each with the instant it was shown.

A frame's time is its own presentation timestamp, never its index over a frame rate: phones film at a varying
rate. Nothing is decoded before the file's header and its list of packets have been found within the limits.
"""

from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path

import av.error
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from app.media.exposure import gain_of
from app.media.facts import VideoRefusedError
from app.media.frame import Frame, light_grid
from app.media.headers import LEAST_SHARE, N_THREADS, opened, packets_of, read_file
from app.media.packets import FrameGroup


class VideoFile:
    """A video within the limits. Each call of `frames` reads from the start; the caller says how many it keeps."""

    def __init__(self, path: Path, *, n_threads: int = N_THREADS) -> None:
        """Check header and packets; raise `VideoRefusedError` when the file is not for us."""
        self._path = path
        self.n_threads = n_threads
        """Cores that reading may keep busy, and whatever is made of the frames."""
        self.facts, self._table, self._pixel_aspect = read_file(path)
        self.size_px = (self.facts.coded_width_px, self.facts.coded_height_px)
        """(width, height) upright; right once the first frame was decoded, because only a frame tells its turn."""
        self.rotation_deg = 0
        """As `VideoInfo.rotation_deg`; right once the first frame was decoded."""
        self.light: dict[int, NDArray[np.uint8]] = {}
        """Brightness at points of every frame that was decoded, wanted or not; see `light_grid`."""

    @property
    def time_s(self) -> NDArray[np.float64]:
        """(T,) presentation time of every frame, strictly increasing; known before any is decoded."""
        return self._table.time_s

    @property
    def key_bits_per_pixel(self) -> float:
        """What a picture that is stored by itself takes, 0 when none is; the changes after it depend on what moves."""
        return 8.0 * self._table.key_bytes / (self.facts.coded_width_px * self.facts.coded_height_px)

    def groups(self) -> list[FrameGroup]:
        """Return the groups of frames that are decoded together, in the order shown."""
        return self._table.groups()

    def frames(
        self, wanted: Collection[int] | None = None, *, left_out: Collection[int] = frozenset()
    ) -> Iterator[Frame]:
        """Yield frames in the order shown: all, or those wanted by index, with little else decoded.

        Whoever reads may add to `left_out` meanwhile: frames from some frame on to the end of its group, or whole
        groups, that turn out not to be needed. Damaged frames are left out. Raise `VideoRefusedError` when too few can be decoded.
        """
        needed = None if wanted is None else self._table.packets_for(wanted)
        drain = needed is None or not self._table.are_keys(needed)
        n_good, last = 0, -1
        is_known = self._table.are_stored_as_shown
        with opened(self._path, n_threads=self.n_threads, is_known=is_known) as (container, stream):
            size = (stream.width, stream.height)
            packets = _needed_packets(
                packets_of(container, stream), needed, frame_of=self._table.frames, left_out=left_out
            )
            for decoded in _decoded(stream, packets, drain=drain):
                index = -1 if decoded.pts is None else self._table.frame_of.get(decoded.pts, -1)
                # A picture that changes its size within the file cannot be compared with the others.
                if index <= last or (decoded.width, decoded.height) != size:
                    continue
                last = index
                light = light_grid(decoded)
                if light is not None:
                    self.light[index] = light
                if index in left_out or (wanted is not None and index not in wanted):
                    continue
                frame = Frame(
                    decoded,
                    index=index,
                    time_s=float(self.time_s[index]),
                    pixel_aspect=self._pixel_aspect,
                    gain=gain_of(light),
                )
                if n_good == 0:
                    self.size_px, self.rotation_deg = frame.size_px, frame.rotation_deg
                n_good += 1
                yield frame
        n_wanted = len(self.time_s) if wanted is None else len(wanted)
        if n_good < LEAST_SHARE * (n_wanted - len(left_out)):
            raise VideoRefusedError("corrupt_video")


def _needed_packets(
    packets: "Iterator[Packet[VideoStream]]",
    needed: NDArray[np.bool_] | None,
    *,
    frame_of: NDArray[np.int64],
    left_out: Collection[int],
) -> "Iterator[Packet[VideoStream] | None]":
    """Yield the packets that are needed, None once where some were left out."""
    n_packets = None if needed is None else int(max(np.flatnonzero(needed), default=-1)) + 1
    is_running = False
    for n, packet in enumerate(islice(packets, n_packets)):
        if (needed is None or needed[n]) and int(frame_of[n]) not in left_out:
            is_running = True
            yield packet
        elif is_running:
            is_running = False
            yield None


def _decoded(
    stream: VideoStream, packets: "Iterator[Packet[VideoStream] | None]", *, drain: bool
) -> Iterator[VideoFrame]:
    """Yield decoded frames in the order shown, leaving out packets that are not needed, and what is damaged.

    Without `drain` the decoder is not emptied where packets were left out, and works on several of them at once:
    for key pictures, which need nothing that came before.
    """
    is_empty = True
    for packet in packets:
        if packet is not None:
            is_empty = False
            yield from _decode(stream, packet)
        elif drain:
            is_empty = True
            yield from _decode(stream, None)
            stream.codec_context.flush_buffers()
    if not is_empty:
        yield from _decode(stream, None)


def _decode(stream: VideoStream, packet: "Packet[VideoStream] | None") -> Iterator[VideoFrame]:
    """Yield what a packet brings out of the decoder; without one, what is left in it."""
    try:
        frames = stream.decode(packet)
    except av.error.InvalidDataError:
        return
    for frame in frames:
        if isinstance(frame, VideoFrame) and not frame.is_corrupt:
            yield frame
