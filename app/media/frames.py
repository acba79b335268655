"""Frames of a video file, upright, each with the instant it was shown.

A frame's time is its own presentation timestamp, never its index over a frame rate: phones film at a varying
rate. Nothing is decoded before the file's header and its list of packets have been found within the limits.
"""

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from app.media.facts import VideoFacts, VideoRefusedError

Picture = NDArray[np.uint8]
"""(height, width, 3) red, green, blue."""

OPEN_OPTIONS = {"protocol_whitelist": "file", "enable_drefs": "0"}
"""A video may not make the reader open anything else: no network, no second file."""

CONTAINERS = frozenset({"mov", "mp4", "matroska", "webm"})
_DECODER_NAMES = {"libdav1d": "av1", "libaom-av1": "av1", "libvpx": "vp8", "libvpx-vp9": "vp9"}
"""Some decoders carry a name of their own."""
CODECS = frozenset({"h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "mjpeg", "prores"})

MAX_LONG_SIDE_PX, MAX_SHORT_SIDE_PX = 4096, 2304
MAX_DURATION_S = 60.0
MAX_FPS_HZ = 260.0
MAX_FRAMES = int(MAX_DURATION_S * MAX_FPS_HZ)
_DURATION_SLACK_S = 0.5
"""Phones round the length they were asked to film."""
_LEAST_SHARE = 0.9
"""A file with fewer packets, or decodable frames, than this share of what it announces is cut off or damaged."""
_MIN_FRAMES = 8
_THREADS = 2


class Frame:
    """One frame, decoded; its picture is converted only when asked for."""

    __slots__ = ("_aspect", "_frame", "index", "time_s")

    def __init__(self, frame: VideoFrame, *, index: int, time_s: float, pixel_aspect: Fraction) -> None:
        """Keep the decoder's frame."""
        self._frame = frame
        self._aspect = pixel_aspect
        self.index = index
        self.time_s = time_s

    @property
    def rotation_deg(self) -> int:
        """Counter-clockwise turn that stands the picture upright: 0, 90, 180 or 270."""
        return round(self._frame.rotation / 90) % 4 * 90

    @property
    def size_px(self) -> tuple[int, int]:
        """(width, height) of the upright picture with square pixels."""
        width, height = self._square_pixel_size()
        return (height, width) if self.rotation_deg % 180 else (width, height)

    def picture(self, max_long_side_px: int | None = None) -> Picture:
        """Return the upright picture, square pixels, made smaller when its longer side is over the limit."""
        width, height = self._square_pixel_size()
        if max_long_side_px is not None and max(width, height) > max_long_side_px:
            scale = max_long_side_px / max(width, height)
            width, height = max(1, round(width * scale)), max(1, round(height * scale))
        coded = self._frame.to_ndarray(format="rgb24", width=width, height=height)
        return np.ascontiguousarray(np.rot90(coded, self.rotation_deg // 90))

    def _square_pixel_size(self) -> tuple[int, int]:
        return max(1, round(self._frame.width * self._aspect)), self._frame.height


class VideoFile:
    """A video within the limits. Each call of `frames` reads from the start; one frame is held at a time."""

    def __init__(self, path: Path) -> None:
        """Check header and packets; raise `VideoRefusedError` when the file is not for us."""
        self._path = path
        self.facts = read_facts(path)
        self.size_px = (self.facts.coded_width_px, self.facts.coded_height_px)
        """(width, height) upright; right once the first frame was decoded, because only a frame tells its turn."""
        self.rotation_deg = 0
        """As `VideoInfo.rotation_deg`; right once the first frame was decoded."""

    def frames(self) -> Iterator[Frame]:
        """Yield every frame in the order shown; raise `VideoRefusedError` when too few can be decoded."""
        index, last_s = 0, -np.inf
        with _opened(self._path) as (container, stream):
            aspect = stream.sample_aspect_ratio or Fraction(1)
            size = (stream.width, stream.height)
            for decoded in _decoded(container, stream):
                time_s = decoded.time
                # A picture that changes its size within the file cannot be compared with the others.
                if time_s is None or time_s <= last_s or (decoded.width, decoded.height) != size:
                    continue
                frame = Frame(decoded, index=index, time_s=float(time_s), pixel_aspect=aspect)
                if index == 0:
                    self.size_px, self.rotation_deg = frame.size_px, frame.rotation_deg
                yield frame
                index, last_s = index + 1, float(time_s)
        if index < max(1.0, _LEAST_SHARE * self.facts.n_packets):
            raise VideoRefusedError("corrupt_video")


def read_facts(path: Path) -> VideoFacts:
    """Return what header and packets say; raise `VideoRefusedError` when the file is not a video for us."""
    _sniff(path)
    with _opened(path) as (container, stream):
        _check_header(container, stream)
        times = _packet_times(container, stream)
        announced = stream.frames
    if len(times) < max(1.0, _LEAST_SHARE * announced):
        raise VideoRefusedError("corrupt_video")
    intervals = [later - earlier for earlier, later in pairwise(times) if later > earlier]
    interval = statistics.median(intervals) if intervals else 0.0
    duration = times[-1] - times[0] + interval
    facts = VideoFacts(
        container=_container_name(container),
        codec=_codec_name(stream),
        coded_width_px=stream.width,
        coded_height_px=stream.height,
        duration_s=duration,
        n_packets=len(times),
        nominal_fps_hz=1.0 / interval if interval else 0.0,
    )
    _check_length(facts)
    return facts


_SNIFFED_BYTES = 16
_EBML = b"\x1a\x45\xdf\xa3"
_MOV_ATOMS = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"})


def _sniff(path: Path) -> None:
    """Refuse, by its first bytes, what is no mov, mp4, Matroska or WebM: nothing else reaches the library."""
    with path.open("rb") as file:
        head = file.read(_SNIFFED_BYTES)
    if not head:
        raise VideoRefusedError("empty_file")
    if not (head.startswith(_EBML) or head[4:8] in _MOV_ATOMS):
        raise VideoRefusedError("not_a_video")


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open with nothing but the file itself within reach; turn the library's errors into a refusal."""
    try:
        with av.open(path, options=OPEN_OPTIONS, metadata_errors="ignore") as container:
            if not CONTAINERS & set(container.format.name.split(",")):
                raise VideoRefusedError("not_a_video")
            if not container.streams.video:
                raise VideoRefusedError("not_a_video")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = _THREADS
            yield container, stream
    except (av.FFmpegError, OSError, ValueError) as error:
        raise VideoRefusedError("corrupt_video") from error


def _check_header(container: InputContainer, stream: VideoStream) -> None:
    """Refuse on what the header announces, so that a bomb is never decoded."""
    codec = _codec_name(stream)
    if codec not in CODECS:
        raise VideoRefusedError("unsupported_codec", codec=codec)
    width, height = stream.width, stream.height
    if width < 1 or height < 1:
        raise VideoRefusedError("corrupt_video")
    if max(width, height) > MAX_LONG_SIDE_PX or min(width, height) > MAX_SHORT_SIDE_PX:
        raise VideoRefusedError("too_large_picture", width_px=width, height_px=height)
    aspect = stream.sample_aspect_ratio or Fraction(1)
    if not Fraction(1, 4) <= aspect <= 4:
        raise VideoRefusedError("corrupt_video")
    if stream.frames > MAX_FRAMES:
        raise VideoRefusedError("too_many_frames", n_frames=stream.frames, limit=MAX_FRAMES)
    if stream.duration is not None and stream.time_base is not None:
        _check_duration(float(stream.duration * stream.time_base))
    elif container.duration is not None:
        _check_duration(container.duration / av.time_base)


def _codec_name(stream: VideoStream) -> str:
    """Return the format the pictures are stored in."""
    if stream.codec_context is None:
        return "unknown"
    return _DECODER_NAMES.get(stream.codec_context.name, stream.codec_context.name)


def _check_duration(duration_s: float) -> None:
    if duration_s > MAX_DURATION_S + _DURATION_SLACK_S:
        raise VideoRefusedError("too_long", duration_s=duration_s, limit_s=MAX_DURATION_S)


def _packet_times(container: InputContainer, stream: VideoStream) -> list[float]:
    """Return the presentation times of all packets, sorted; without decoding."""
    times: list[float] = []
    for packet in container.demux(stream):
        if packet.size == 0 or packet.is_discard:
            continue
        if packet.pts is None or packet.time_base is None:
            continue
        times.append(float(packet.pts * packet.time_base))
        if len(times) > MAX_FRAMES:
            raise VideoRefusedError(
                "too_many_frames", n_frames=max(stream.frames, len(times)), limit=MAX_FRAMES
            )
    return sorted(times)


def _check_length(facts: VideoFacts) -> None:
    _check_duration(facts.duration_s)
    if facts.n_packets < _MIN_FRAMES:
        raise VideoRefusedError("too_short", duration_s=facts.duration_s)
    if facts.nominal_fps_hz > MAX_FPS_HZ:
        raise VideoRefusedError("too_many_frames", n_frames=facts.n_packets, limit=MAX_FRAMES)


def _decoded(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Yield decoded frames in the order shown, leaving out packets and frames that are damaged."""
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            continue
        for frame in frames:
            if isinstance(frame, VideoFrame) and not frame.is_corrupt:
                yield frame


def _container_name(container: InputContainer) -> str:
    return "matroska" if "matroska" in container.format.name else "mp4"
