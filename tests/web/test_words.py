"""Every code that can reach a page has words, and numbers read as people write them."""

from dataclasses import replace

import pytest

from app.biomech.definitions import METRICS
from app.biomech.method import BANDS, COMPONENTS
from app.biomech.score import band_of
from app.biomech.types import EventName, Movement, View
from app.domain.lifecycle import RecordingState, Stage
from app.web import words
from app.web.badges import band_badge, band_note
from app.web.charts import BAND_EDGES, CurveSeries, draw_curves
from app.web.charts import NARROW as SIZE
from app.web.progress import RUNNING_STATES, describe_progress
from tests.web import samples


def test_codes_when_listed_then_each_has_words() -> None:
    assert (set(METRICS) | set(COMPONENTS)) <= set(words.METRIC_LABELS)
    assert {event.value for event in EventName} <= set(words.INSTANT_LABELS)
    assert {movement.value for movement in Movement} == set(words.MOVEMENT_LABELS)
    assert {view.value for view in View} == set(words.VIEW_LABELS)
    assert {stage.value for stage in Stage} == set(words.STAGE_LABELS)
    assert {part.mark for part in COMPONENTS.values()} <= set(words.MARK_LABELS)
    assert set(words.MARK_LABELS) == set(words.MARK_MEANINGS)


def test_units_when_listed_then_each_has_a_way_of_writing() -> None:
    used = {entry.unit for entry in (*METRICS.values(), *COMPONENTS.values())}
    assert used <= set(words.UNIT_FORMATS)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (-2.04, "deg", "\N{MINUS SIGN}2.0°"),
        (-0.04, "deg", "0.0°"),
        (0.518, "s", "0.518 s"),
        (0.744, "1", "0.74"),
        (None, "deg", "\N{EN DASH}"),
        (float("nan"), "deg", "\N{EN DASH}"),
    ],
)
def test_quantity_when_shown_then_as_written_by_hand(value: float | None, unit: str, text: str) -> None:
    assert words.quantity_text(value, unit) == text


@pytest.mark.parametrize(
    ("n_bytes", "text"), [(0, "1 kB"), (207_000, "202 kB"), (500 * 1024**2, "500 MB"), (3 * 1024**3, "3 GB")]
)
def test_size_when_shown_then_as_the_limit_is_named(n_bytes: int, text: str) -> None:
    assert words.size_text(n_bytes) == text


@pytest.mark.parametrize("value", [5.0, 29.9, 30.0, 59.9, 60.0, 95.0])
@pytest.mark.parametrize("probability", [0.55, 0.9])
def test_band_when_shown_then_named_and_borderline_when_unsure(value: float, probability: float) -> None:
    score = replace(samples.score(), value=value, band=band_of(value), band_probability=probability)
    badge = band_badge(score)
    assert ("orderline" in badge.text) == (probability < 0.8)
    assert (badge.icon == "half") or probability > 0.8
    assert "safe" not in band_note(score).lower()
    assert badge.note is not None
    assert badge.note.startswith(f"{probability * 100:.0f} % probable")


def test_scale_when_drawn_then_its_edges_are_the_methods() -> None:
    assert tuple(band.lower for band in BANDS[1:]) == BAND_EDGES


def test_curve_when_a_value_is_missing_then_the_line_is_broken() -> None:
    nan = float("nan")
    series = CurveSeries(time_s=[0.0, 0.1, 0.2, 0.3], left_deg=[1.0, nan, 2.0, 3.0], right_deg=[nan] * 4)
    drawing = draw_curves(
        series, [], window_s=(0.0, 0.3), ground_s=None, size=SIZE, dom_id="x", description="<both>"
    )
    left = drawing.split('class="curve curve-left" d="')[1].split('"')[0]
    assert left.count("M") == 2
    assert left.count("L") == 1
    assert 'class="curve curve-right" d=""' in drawing
    assert "&lt;both&gt;" in drawing


@pytest.mark.parametrize("state", RecordingState)
def test_progress_when_nothing_more_happens_by_itself_then_none(state: RecordingState) -> None:
    shown = describe_progress(state=state, stage=None, progress=None, queue_position=None)
    assert (shown is not None) == (state in RUNNING_STATES)


@pytest.mark.parametrize(("attempt", "said"), [(1, False), (2, True)])
def test_attempt_when_not_the_first_then_said(attempt: int, said: bool) -> None:
    shown = describe_progress(
        state=RecordingState.PROCESSING,
        stage=Stage.POSE,
        progress=0.5,
        queue_position=None,
        attempt=attempt,
        max_attempts=3,
    )
    assert shown is not None
    assert (shown.attempt_note is not None) == said
    assert [stage.is_done for stage in shown.stages] == [True, False, False, False]
