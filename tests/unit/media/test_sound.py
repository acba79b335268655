"""Finding one clap in the sound of a film."""

from pathlib import Path

import numpy as np
import pytest

from app.media.sound import find_clap
from tests.support.videos import (
    SOUND_HZ,
    Sound,
    room,
    steady,
    with_claps,
    write_film_with_sound,
    write_video,
)


@pytest.mark.parametrize("clap_s", [0.4, 1.2345, 2.7])
def test_clap_when_there_is_one_then_its_instant_is_found_within_5_ms(tmp_path: Path, clap_s: float) -> None:
    film = write_film_with_sound(tmp_path / "film.mp4", sound=with_claps(room(), [clap_s]))
    assert find_clap(film) == pytest.approx(clap_s, abs=0.005)


def speech(seconds: float = 3.0) -> Sound:
    """Return something like a voice: tones that swell and fade."""
    t = np.arange(int(seconds * SOUND_HZ)) / SOUND_HZ
    swell = np.clip(np.sin(2 * np.pi * 2.0 * t), 0.0, None) ** 2
    return (0.3 * swell * np.sin(2 * np.pi * 220 * t)).astype(np.float32) + room(seconds)


@pytest.mark.parametrize(
    "sound",
    [
        pytest.param(room(), id="a quiet room"),
        pytest.param(np.zeros(3 * SOUND_HZ, dtype=np.float32), id="silence"),
        pytest.param(with_claps(room(), [0.8, 2.0]), id="two claps"),
        pytest.param(speech(), id="a voice"),
        pytest.param(with_claps(room(level=0.15), [1.5], loud=0.5), id="a clap in a din"),
        pytest.param(room(0.02), id="hardly any sound"),
    ],
)
def test_clap_when_not_one_stands_out_then_none(tmp_path: Path, sound: Sound) -> None:
    assert find_clap(write_film_with_sound(tmp_path / "film.mp4", sound=sound)) is None


def test_clap_when_a_voice_speaks_too_then_it_is_found_all_the_same(tmp_path: Path) -> None:
    film = write_film_with_sound(tmp_path / "film.mp4", sound=with_claps(speech(), [1.4]))
    assert find_clap(film) == pytest.approx(1.4, abs=0.005)


def test_clap_when_there_is_no_sound_or_no_film_then_none(tmp_path: Path) -> None:
    assert find_clap(write_video(tmp_path / "mute.mp4", times_s=steady(12, 30.0))) is None
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 200)
    assert find_clap(broken) is None
