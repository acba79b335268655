from collections.abc import Collection
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext
from av.video.frame import VideoFrame
from numpy.testing import assert_allclose

from app.media.facts import VideoRefusedError
from app.media.frame import cut
from app.media.frames import VideoFile
from app.media.headers import MAX_FRAMES, read_facts
from tests.support.videos import steady, write_sound, write_video

_HALF_TICK_S = 1 / 15360
"""Containers count time in ticks; mp4 by FFmpeg uses at least 15360 a second."""


def _refusal(path: Path) -> VideoRefusedError:
    with pytest.raises(VideoRefusedError) as caught:
        list(VideoFile(path).frames())
    return caught.value


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "libx264"),
        ("a.mov", "libx265"),
        ("a.webm", "libvpx-vp9"),
        ("a.mkv", "libsvtav1"),
        ("b.mp4", "mpeg4"),
        ("a.mov", "mjpeg"),
        ("b.mov", "prores_ks"),
    ],
)
def test_frames_when_codec_is_common_then_every_frame_comes_with_its_time(
    tmp_path: Path, name: str, codec: str
) -> None:
    times = steady(24, 30.0)
    formats = {"mjpeg": "yuvj420p", "prores_ks": "yuv422p10le"}
    path = write_video(
        tmp_path / name, times_s=times, codec=codec, pixel_format=formats.get(codec, "yuv420p")
    )
    frames = list(VideoFile(path).frames())
    assert [frame.index for frame in frames] == list(range(24))
    # Matroska counts milliseconds
    assert_allclose([frame.time_s for frame in frames], times, atol=0.001)


def test_times_when_frame_rate_varies_then_they_are_the_videos_own(tmp_path: Path) -> None:
    times = list(np.cumsum([0.5, *np.tile([1 / 60, 1 / 30, 1 / 120], 8)]))
    frames = VideoFile(write_video(tmp_path / "vfr.mp4", times_s=times)).frames()
    assert_allclose([frame.time_s for frame in frames], times, atol=_HALF_TICK_S)


def test_times_when_240_frames_a_second_then_nothing_is_lost(tmp_path: Path) -> None:
    video = VideoFile(write_video(tmp_path / "slow.mp4", times_s=steady(120, 240.0)))
    assert len(list(video.frames())) == 120
    assert video.facts.nominal_fps_hz == pytest.approx(240.0, rel=0.01)


@pytest.mark.parametrize(("rotation", "corner"), [(90, (-1, 0)), (180, (-1, -1)), (270, (0, -1))])
def test_picture_when_rotated_then_it_stands_upright(
    tmp_path: Path, rotation: int, corner: tuple[int, int]
) -> None:
    path = write_video(tmp_path / "turned.mp4", times_s=steady(12, 30.0), rotation_deg=rotation)
    video = VideoFile(path)
    frame = next(video.frames())
    picture = frame.picture()
    assert video.rotation_deg == rotation
    assert frame.size_px == ((64, 96) if rotation % 180 else (96, 64))
    assert picture.shape[:2][::-1] == frame.size_px
    # counter-clockwise turns move the white upper left quarter to this corner
    assert picture[corner[0], corner[1], 0] > 200
    assert picture[0, 0, 0] < 150


def test_picture_when_larger_than_asked_then_it_is_scaled(tmp_path: Path) -> None:
    frame = next(VideoFile(write_video(tmp_path / "a.mp4", times_s=steady(12, 30.0))).frames())
    assert frame.picture(48).shape == (32, 48, 3)
    assert frame.picture(4000).shape == (64, 96, 3)


def test_open_when_bytes_are_no_video_then_it_says_which_kind(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.mp4"
    nothing.touch()
    text = tmp_path / "text.mp4"
    text.write_text("this is not a film at all, only words")
    playlist = tmp_path / "list.mp4"
    playlist.write_text("#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n")
    concat = tmp_path / "concat.mp4"
    concat.write_text("ffconcat version 1.0\nfile /etc/passwd\n")
    assert _refusal(nothing).code == "empty_file"
    assert {_refusal(path).code for path in (text, playlist, concat)} == {"not_a_video"}
    assert _refusal(write_sound(tmp_path / "sound.mp4")).code == "not_a_video"


def test_open_when_picture_is_too_large_then_nothing_is_decoded(tmp_path: Path) -> None:
    refusal = _refusal(
        write_video(tmp_path / "wide.mp4", times_s=steady(8, 30.0), size=(5120, 32), codec="mpeg4")
    )
    assert (refusal.code, refusal.facts["width_px"]) == ("too_large_picture", 5120)


def test_open_when_codec_is_unknown_then_it_is_named(tmp_path: Path) -> None:
    refusal = _refusal(write_video(tmp_path / "old.mkv", times_s=steady(12, 30.0), codec="ffv1"))
    assert (refusal.code, refusal.facts["codec"]) == ("unsupported_codec", "ffv1")


def test_open_when_nobody_knows_the_codec_then_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "made-up.mp4"
    whole = Path("samples/dvj_f_neutral_60.mp4").read_bytes()
    path.write_bytes(b"zzzz".join(whole.rsplit(b"avc1", 1)))
    assert _refusal(path).code == "unsupported_codec"


def test_open_when_too_long_or_short_then_it_says_so(tmp_path: Path) -> None:
    assert _refusal(write_video(tmp_path / "long.mp4", times_s=steady(80, 1.0))).code == "too_long"
    assert _refusal(write_video(tmp_path / "short.mp4", times_s=steady(3, 30.0))).code == "too_short"


def test_open_when_frames_are_too_many_then_it_is_refused(tmp_path: Path) -> None:
    times = steady(MAX_FRAMES + 50, 1000.0)
    path = write_video(tmp_path / "many.mp4", times_s=times, size=(16, 16), codec="mpeg4")
    assert _refusal(path).code == "too_many_frames"
    assert _refusal(write_video(tmp_path / "fast.mp4", times_s=steady(60, 1000.0))).code == "too_many_frames"


@pytest.mark.parametrize("share", [0.02, 0.4, 0.8])
@pytest.mark.parametrize("faststart", [True, False])
def test_open_when_cut_off_then_it_is_corrupt(tmp_path: Path, share: float, faststart: bool) -> None:
    whole = Path("samples/dvj_f_neutral_60.mp4").read_bytes()
    if not faststart:
        whole = write_video(tmp_path / "w.mp4", times_s=steady(60, 30.0)).read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: int(len(whole) * share)])
    assert _refusal(cut).code == "corrupt_video"


def test_frames_when_bits_are_flipped_then_they_come_or_are_refused(tmp_path: Path) -> None:
    whole = np.frombuffer(
        write_video(tmp_path / "w.mp4", times_s=steady(40, 30.0)).read_bytes(), dtype=np.uint8
    )
    rng = np.random.default_rng(5)
    refused = 0
    for n in range(30):
        damaged = whole.copy()
        places = rng.integers(0, len(whole), size=40)
        damaged[places] ^= rng.integers(1, 255, size=40, dtype=np.uint8)
        path = tmp_path / f"{n}.mp4"
        path.write_bytes(damaged.tobytes())
        try:
            times = [frame.time_s for frame in VideoFile(path).frames()]
            assert np.all(np.diff(times) > 0)
        except VideoRefusedError:
            refused += 1
    assert refused > 0


def test_facts_when_read_then_no_frame_was_needed() -> None:
    facts = read_facts(Path("samples/dvj_f_neutral_60.mp4"))
    assert (facts.codec, facts.n_packets, facts.container) == ("h264", 219, "mp4")
    assert facts.duration_s == pytest.approx(3.65, abs=1e-6)


def test_frames_when_some_are_wanted_then_they_are_the_same_pictures_as_when_all_are_read(
    tmp_path: Path,
) -> None:
    video = VideoFile(Path("samples/dvj_f_neutral_60.mp4"))
    everything = {frame.index: frame.picture() for frame in video.frames() if frame.index in (3, 40, 41, 90)}
    chosen = {frame.index: frame.picture() for frame in video.frames({3, 40, 41, 90})}
    assert list(chosen) == [3, 40, 41, 90]
    for index, picture in chosen.items():
        assert_allclose(picture, everything[index])


@pytest.mark.parametrize("n_held_back", [0, 2])
def test_frames_when_only_the_pictures_say_that_their_pixels_are_wide_then_they_are_shown_wide(
    tmp_path: Path, n_held_back: int
) -> None:
    plain, wide = tmp_path / "plain.mp4", tmp_path / "wide.mp4"
    with av.open(plain, "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"bf": str(n_held_back)})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for n in range(12):
            picture = np.full((64, 96, 3), 20 * n, dtype=np.uint8)
            container.mux(stream.encode(VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    with av.open(plain) as source, av.open(wide, "w") as container:
        stream = source.streams.video[0]
        copied = container.add_stream_from_template(stream)
        widened = BitStreamFilterContext("h264_metadata=sample_aspect_ratio=4/3", stream, copied)
        for packet in source.demux(stream):
            container.mux(widened.filter(packet))
    wide.write_bytes(wide.read_bytes().replace(b"pasp", b"free"))
    frames = list(VideoFile(wide).frames())
    assert [frame.index for frame in frames] == list(range(12))
    assert {frame.size_px for frame in frames} == {(128, 64)}
    brightness = [int(frame.picture().mean()) for frame in frames]
    assert brightness == sorted(brightness)


@pytest.mark.parametrize("codec", ["libx264", "libx265", "mpeg4"])
def test_frames_when_groups_are_left_out_then_each_frame_keeps_its_index_and_time(
    tmp_path: Path, codec: str
) -> None:
    path = tmp_path / "groups.mp4"
    _write_groups(path, n_groups=6, busy=(), codec=codec)
    video = VideoFile(path)
    wanted = [0, 14, 15, 47, 59]
    frames = list(video.frames(wanted))
    assert [frame.index for frame in frames] == wanted
    assert_allclose([frame.time_s for frame in frames], video.time_s[wanted])


@pytest.mark.parametrize("codec", ["libx264", "libx265", "mpeg4"])
def test_frames_when_the_rest_of_a_group_is_left_out_while_it_is_read_then_the_others_are_the_same_pictures(
    tmp_path: Path, codec: str
) -> None:
    path = tmp_path / "groups.mp4"
    _write_groups(path, n_groups=6, busy=(1, 4), codec=codec)
    video = VideoFile(path)
    everything = {frame.index: frame.picture() for frame in video.frames()}
    for wanted in (None, range(5, 60)):
        left_out: set[int] = set()
        shown = {}
        for frame in video.frames(wanted, left_out=left_out):
            shown[frame.index] = frame.picture()
            if frame.index == 14:
                left_out.update(range(15, 20), range(30, 40))
        kept = [*range(0 if wanted is None else 5, 15), *range(20, 30), *range(40, 60)]
        assert list(shown) == kept
        for index, picture in shown.items():
            assert_allclose(picture, everything[index])


@pytest.mark.parametrize("codec", ["libx264", "libx265", "mpeg4"])
def test_frames_when_only_key_pictures_are_wanted_then_they_are_those_of_reading_everything(
    tmp_path: Path, codec: str
) -> None:
    path = tmp_path / "groups.mp4"
    _write_groups(path, n_groups=6, busy=(1, 2, 4), codec=codec)
    video = VideoFile(path)
    keys = [group.key for group in video.groups()]
    assert {0, 10, 20, 30, 40, 50} <= set(keys)
    everything = {frame.index: frame.picture() for frame in video.frames()}
    chosen = {frame.index: frame.picture() for frame in video.frames(keys)}
    assert list(chosen) == keys
    for key, picture in chosen.items():
        assert_allclose(picture, everything[key])


def test_groups_when_one_stretch_moves_then_its_group_is_busy(tmp_path: Path) -> None:
    path = tmp_path / "groups.mp4"
    _write_groups(path, n_groups=6, busy=(3,))
    groups = VideoFile(path).groups()
    assert [group.key for group in groups] == [0, 10, 20, 30, 40, 50]
    assert [group.is_busy for group in groups] == [False, False, False, True, False, False]
    assert [groups[3].is_busy_after(frame) for frame in (32, 38, 39)] == [True, True, False]
    assert not groups[2].is_busy_after(22)
    assert_allclose(np.concatenate([group.frames for group in groups]), np.arange(60))


def _write_groups(path: Path, *, n_groups: int, busy: Collection[int], codec: str = "libx264") -> None:
    """Write groups of ten frames, a key picture each; noise changes in the busy ones."""
    rng = np.random.default_rng(3)
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=30)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        options = {"x265-params": "keyint=10:min-keyint=10:scenecut=0:open-gop=0:log-level=none"}
        stream.codec_context.gop_size = 10
        stream.codec_context.options = options if codec == "libx265" else {"sc_threshold": "0"}
        still = rng.integers(0, 255, (64, 96, 3), dtype=np.uint8)
        for n in range(10 * n_groups):
            picture = rng.integers(0, 255, (64, 96, 3), dtype=np.uint8) if n // 10 in busy else still
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = n, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p"])
def test_view_when_cut_then_it_shows_what_the_whole_picture_shows(
    tmp_path: Path, rotation_deg: int, pixel_format: str
) -> None:
    path = write_video(
        tmp_path / "turned.mp4",
        times_s=steady(12, 30.0),
        size=(128, 64),
        rotation_deg=rotation_deg,
        pixel_format=pixel_format,
    )
    frame = next(VideoFile(path).frames())
    matrix, offset = np.array([[0.9, 0.1], [-0.1, 0.9]]), np.array([4.0, 9.0])
    whole = cut(frame.picture(), matrix, offset, size_px=80)
    # brightness and colour are scaled apart, and the library rounds its own way
    assert np.abs(frame.view(matrix, offset, size_px=80).astype(int) - whole).mean() < 2.5
