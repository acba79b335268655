"""Finding one flash in the pictures of a film."""

from collections.abc import Collection
from pathlib import Path

import pytest

from app.media.flash import find_flash
from app.media.frames import VideoFile
from tests.support.videos import steady, write_flash, write_video


def read(path: Path, wanted: Collection[int] | None = None) -> VideoFile:
    """Return a file whose frames were decoded as reading does."""
    video = VideoFile(path)
    for _ in video.frames(wanted):
        pass
    return video


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("lit", [[20], [20, 21], [41, 42, 43]])
def test_flash_when_there_is_one_then_the_frame_it_begins_in_is_found(
    tmp_path: Path, codec: str, lit: list[int]
) -> None:
    film = write_flash(tmp_path / "film.mp4", lit=lit, codec=codec)
    assert find_flash(read(film)) == pytest.approx(lit[0] / 30)


def test_flash_when_few_frames_were_wanted_then_it_is_found_in_those_decoded_on_the_way(
    tmp_path: Path,
) -> None:
    film = write_flash(tmp_path / "film.mp4", lit=[31])
    assert find_flash(read(film, range(0, 60, 6))) == pytest.approx(31 / 30)


@pytest.mark.parametrize(
    ("lit", "part", "by"),
    [
        pytest.param([], 1.0, 60, id="none"),
        pytest.param([15, 40], 1.0, 60, id="two flashes"),
        pytest.param(list(range(20, 60)), 1.0, 60, id="a lamp switched on"),
        pytest.param([20, 21], 0.4, 90, id="a bright thing in a part of the picture"),
        pytest.param([20, 21], 1.0, 5, id="hardly brighter"),
        pytest.param([0], 1.0, 60, id="in the first frame, before which nothing is known"),
    ],
)
def test_flash_when_not_one_stands_out_then_none(
    tmp_path: Path, lit: list[int], part: float, by: int
) -> None:
    assert find_flash(read(write_flash(tmp_path / "film.mp4", lit=lit, part=part, by=by))) is None


def test_flash_when_nothing_was_decoded_or_a_picture_is_tiny_then_none(tmp_path: Path) -> None:
    film = write_flash(tmp_path / "film.mp4", lit=[20])
    assert find_flash(VideoFile(film)) is None
    assert find_flash(read(write_video(tmp_path / "still.mp4", times_s=steady(20, 30.0)))) is None
