"""What a video file is, by its header and its list of packets, and whether it is within the limits.

Nothing is decoded here; the api's quick look at an upload and the worker's reading both begin with it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from app.media.facts import VideoFacts, VideoRefusedError
from app.media.packets import PacketSeen, PacketTable

OPEN_OPTIONS = {"protocol_whitelist": "file", "enable_drefs": "0"}
"""A video may not make the reader open anything else: no network, no second file."""

_MAX_STREAMS = 16
NOTHING_DECODED: Any = [
    {"skip_frame": "all"}
] * _MAX_STREAMS  # PyAV takes dictionaries and is typed for strings
"""For each stream: otherwise the library decodes the first picture while it opens a file, which takes 20 ms of 1080p."""
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
LEAST_SHARE = 0.9
"""A file with fewer packets, or decodable frames, than this share of what it announces is cut off or damaged."""
_MIN_FRAMES = 8
N_THREADS = 2


def read_facts(path: Path) -> VideoFacts:
    """Return what header and packets say; raise `VideoRefusedError` when the file is not a video for us."""
    return read_file(path)[0]


def read_file(path: Path) -> tuple[VideoFacts, PacketTable, Fraction]:
    """Return what header and packets say, the packets, and the width of a pixel over its height."""
    _sniff(path)
    with opened(path) as (container, stream):
        _check_header(container, stream)
        table = _read_packets(container, stream)
        announced, aspect = stream.frames, _pixel_aspect(stream)
    times = table.time_s
    if len(times) < max(1.0, LEAST_SHARE * announced):
        raise VideoRefusedError("corrupt_video")
    interval = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    facts = VideoFacts(
        container=_container_name(container),
        codec=_codec_name(stream),
        coded_width_px=stream.width,
        coded_height_px=stream.height,
        duration_s=float(times[-1] - times[0]) + interval,
        n_packets=len(times),
        nominal_fps_hz=1.0 / interval if interval else 0.0,
    )
    _check_length(facts)
    return facts, table, aspect


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
def opened(
    path: Path, *, n_threads: int = N_THREADS, is_known: bool = False
) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open with nothing but the file itself within reach; turn the library's errors into a refusal.

    Of a file that `is_known`, whose pictures are stored in the order shown, no picture is looked at for it: then the library
    need not learn how many pictures the decoder has to hold back, nor the shape of a pixel.
    """
    looking = NOTHING_DECODED if is_known else None
    try:
        with av.open(
            path, options=OPEN_OPTIONS, stream_options=looking, metadata_errors="ignore"
        ) as container:
            if not CONTAINERS & set(container.format.name.split(",")):
                raise VideoRefusedError("not_a_video")
            if not container.streams.video:
                raise VideoRefusedError("not_a_video")
            stream = container.streams.video[0]
            if stream.codec_context is None:  # nothing here decodes it
                raise VideoRefusedError("unsupported_codec", codec=_codec_name(stream))
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = n_threads
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
    if not Fraction(1, 4) <= _pixel_aspect(stream) <= 4:
        raise VideoRefusedError("corrupt_video")
    if stream.frames > MAX_FRAMES:
        raise VideoRefusedError("too_many_frames", n_frames=stream.frames, limit=MAX_FRAMES)
    if stream.duration is not None and stream.time_base is not None:
        _check_duration(float(stream.duration * stream.time_base))
    elif container.duration is not None:
        _check_duration(container.duration / av.time_base)


def _pixel_aspect(stream: VideoStream) -> Fraction:
    """Return the width of a pixel over its height; square when the file does not say."""
    return stream.sample_aspect_ratio or Fraction(1)


def _codec_name(stream: VideoStream) -> str:
    """Return the format the pictures are stored in."""
    if stream.codec_context is None:
        return "unknown"
    return _DECODER_NAMES.get(stream.codec_context.name, stream.codec_context.name)


def _check_duration(duration_s: float) -> None:
    if duration_s > MAX_DURATION_S + _DURATION_SLACK_S:
        raise VideoRefusedError("too_long", duration_s=duration_s, limit_s=MAX_DURATION_S)


def _read_packets(container: InputContainer, stream: VideoStream) -> PacketTable:
    """Return the list of packets, without decoding."""
    seen: list[PacketSeen] = []
    for packet in packets_of(container, stream):
        is_shown = packet.pts is not None and packet.time_base is not None and not packet.is_discard
        seen.append(
            PacketSeen(pts=packet.pts if is_shown else None, n_bytes=packet.size, is_key=packet.is_keyframe)
        )
        if len(seen) > MAX_FRAMES:
            raise VideoRefusedError(
                "too_many_frames", n_frames=max(stream.frames, len(seen)), limit=MAX_FRAMES
            )
    return PacketTable(tuple(seen), tick_s=float(stream.time_base or 0))


def packets_of(container: InputContainer, stream: VideoStream) -> "Iterator[Packet[VideoStream]]":
    """Yield the packets that hold anything, in the order stored."""
    return (packet for packet in container.demux(stream) if packet.size > 0)


def _check_length(facts: VideoFacts) -> None:
    _check_duration(facts.duration_s)
    if facts.n_packets < _MIN_FRAMES:
        raise VideoRefusedError("too_short", duration_s=facts.duration_s)
    if facts.nominal_fps_hz > MAX_FPS_HZ:
        raise VideoRefusedError("too_many_frames", n_frames=facts.n_packets, limit=MAX_FRAMES)


def _container_name(container: InputContainer) -> str:
    return "matroska" if "matroska" in container.format.name else "mp4"
