"""The parts of the speed bench that make clips and show results."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.media.frames import VideoFile
from bench import speed_clips
from bench.speed import COLUMNS, table
from bench.speed_clips import LongClip
from scripts.speed_chart import BEGIN, END, chart, filled
from scripts.speed_chart import table as page_table


def _result(seconds: float) -> dict[str, Any]:
    return {
        "clip": "jump <a>",
        "ours": {"n_frames": 600, "seconds": seconds, "cpu_s": 2.5, "n_network_runs": 250, "child_mb": 349.0},
        "plain": {"seconds": 8.0, "cpu_s": 10.25},
        "agreement": {"close_ratio": 1.2, "peak_fppa_deg": 0.02, "event_frames": 0.15},
        "times_less_cpu": 3.0,
        "times_faster": 8.0 / seconds,
        "floor_s": 0.9,
        "over_floor": seconds / 0.9,
    }


def test_table_when_shown_then_each_clip_has_a_value_in_every_column() -> None:
    header, row = table([_result(1.0)]).splitlines()
    assert header.split()[:2] == ["clip", "frames"]
    assert "8.0x" in row
    assert len(row.split("  ")) >= len(COLUMNS)


def test_chart_when_drawn_then_it_is_a_picture_with_a_title_and_two_bars_a_clip() -> None:
    document = {
        "clips": [_result(1.0), _result(2.0)],
        "machine": {"processor": "A & B", "n_cores": 2, "commit": "abc"},
        "measured_at": "2026-01-02T03:04:05+00:00",
    }
    drawn = ElementTree.fromstring(chart(document))  # noqa: S314  # our own words
    assert drawn.find("{http://www.w3.org/2000/svg}title") is not None
    assert len(drawn.findall("{http://www.w3.org/2000/svg}rect")) == 1 + 2 + 2 * 2


@pytest.mark.parametrize("load", [0.5, 12.0])
def test_page_when_filled_then_it_has_a_row_a_clip_and_seconds_only_of_an_idle_machine(load: float) -> None:
    document = {
        "clips": [_result(1.0), _result(2.0)],
        "machine": {"processor": "A", "n_cores": 2, "commit": "abc", "load_before": load},
        "memory_clip": None,
    }
    page = filled(
        f"# Speed\n\n{BEGIN}an older table\n{END}\nmore\n", page_table(document, name="speed-1.json")
    )
    assert page.startswith(f"# Speed\n\n{BEGIN}`speed-1.json`")
    assert page.endswith(f"{END}\nmore\n")
    assert "older" not in page
    rows = [line for line in page.splitlines() if line.startswith("| jump <a>")]
    assert len(rows) == 2
    assert all("| 2.50 s | 10.25 s | 250 |" in row for row in rows)
    assert ("1.00 (8.0 times faster)" in rows[0]) is (load < 4.0)


@pytest.mark.parametrize(("fps_hz", "duration_s"), [(30, 2.0), (120, 0.2)])
def test_clip_when_made_then_it_has_the_size_the_rate_and_a_key_picture_a_second(
    fps_hz: int, duration_s: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speed_clips, "CACHE", tmp_path)
    clip = LongClip("short", 144, 256, fps_hz, duration_s, 1.0, {"crf": "30"})
    video = VideoFile(speed_clips.made(clip))
    assert (video.facts.coded_width_px, video.facts.coded_height_px) == (144, 256)
    assert len(video.time_s) == duration_s * fps_hz
    assert [group.key for group in video.groups()] == list(range(0, len(video.time_s), fps_hz))
    np.testing.assert_allclose(np.diff(video.time_s), 1 / fps_hz, atol=1e-4)
