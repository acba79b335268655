"""How light pictures are, how finely they are stored, and brightening what is read of dark ones."""

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from app.media.exposure import LIT, Exposure, exposure_of, gain_of
from app.media.frames import VideoFile
from tests.support.videos import steady, write_video

SIZE = (96, 64)


def write_grey(
    path: Path, *, levels: tuple[int, int], pixel_format: str = "yuv420p", crf: str = "10"
) -> Path:
    """Write ten pictures with a left and a right half of these brightnesses, of 255, and some texture."""
    rng = np.random.default_rng(1)
    picture = np.repeat(np.repeat(levels, SIZE[0] // 2)[None, :], SIZE[1], axis=0)[:, :, None]
    texture = rng.integers(-3, 4, (SIZE[1], SIZE[0], 1))
    shown = np.clip(picture + texture, 0, 255).repeat(3, axis=2).astype(np.uint8)
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": crf})
        stream.width, stream.height, stream.pix_fmt = *SIZE, pixel_format
        for n in range(10):
            frame = VideoFrame.from_ndarray(shown, format="rgb24").reformat(format=pixel_format)
            frame.pts = n
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def read(path: Path) -> VideoFile:
    """Return a file whose frames were decoded."""
    video = VideoFile(path)
    for _ in video.frames():
        pass
    return video


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p", "yuv420p10le"])
@pytest.mark.parametrize("levels", [(20, 40), (100, 200)])
def test_exposure_when_a_film_is_read_then_it_is_that_of_its_pictures_in_any_range(
    tmp_path: Path, levels: tuple[int, int], pixel_format: str
) -> None:
    found = exposure_of(read(write_grey(tmp_path / "a.mp4", levels=levels, pixel_format=pixel_format)).light)
    assert found is not None
    # texture and rounding
    assert found.brightness == pytest.approx(np.mean(levels) / 255.0, abs=0.012)
    assert found.contrast == pytest.approx(np.std(levels) / 255.0, abs=0.012)


def test_exposure_when_nothing_was_looked_at_then_none(tmp_path: Path) -> None:
    assert exposure_of(VideoFile(write_grey(tmp_path / "a.mp4", levels=(20, 40))).light) is None


def test_exposure_when_one_frame_flashes_then_it_is_that_of_the_usual_one() -> None:
    light = {n: np.full(256, 255 if n == 3 else 0, dtype=np.uint8) for n in range(7)}
    assert exposure_of(light) == Exposure(brightness=0.0, contrast=0.0)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p"])
def test_view_when_the_picture_is_dark_then_it_is_brightened_and_the_picture_is_not(
    tmp_path: Path, pixel_format: str
) -> None:
    path = write_grey(tmp_path / "a.mp4", levels=(20, 40), pixel_format=pixel_format)
    frame = next(VideoFile(path).frames())
    view = frame.view(np.eye(2), np.zeros(2), size_px=64)
    expected = (
        1.0 if pixel_format == "yuv444p" else LIT / (30.0 / 255.0)
    )  # only what is cut directly is looked at
    assert view.mean() / frame.picture()[:, :64].mean() == pytest.approx(expected, rel=0.06)


def test_gain_when_lit_then_none_and_it_falls_to_that_without_a_step() -> None:
    gains = [gain_of(np.full(256, level, dtype=np.uint8)) for level in range(256)]
    assert gains[0] == 4.0
    assert gains[78:] == [1.0] * (256 - 78)  # the darkest of the clips this was measured on has 84
    assert all(0.0 <= before - after < 0.22 for before, after in pairwise(gains))


def test_gain_when_somebody_is_lit_before_a_dark_wall_then_nothing_of_them_turns_white() -> None:
    light = np.full(256, 10, dtype=np.uint8)
    light[:40] = 170  # a person takes a sixth of the picture
    assert light.mean() < LIT * 255.0
    assert 1.0 < gain_of(light) <= 0.9 * 255.0 / 170.0
    light[:40] = 250
    assert gain_of(light) == 1.0


def test_bits_when_stored_more_coarsely_then_a_whole_picture_takes_fewer(tmp_path: Path) -> None:
    fine, coarse = (
        VideoFile(write_grey(tmp_path / f"{crf}.mp4", levels=(100, 200), crf=crf)) for crf in ("10", "45")
    )
    assert fine.key_bits_per_pixel > 3.0 * coarse.key_bits_per_pixel > 0.0
    everything = sum(path.stat().st_size for path in tmp_path.glob("10.mp4"))
    assert fine.key_bits_per_pixel < 8.0 * everything / (SIZE[0] * SIZE[1])


def test_bits_when_every_picture_stands_for_itself_then_they_are_the_usual_ones(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mov", times_s=steady(12, 30.0), codec="mjpeg", pixel_format="yuvj420p")
    assert VideoFile(path).key_bits_per_pixel > 0.0
