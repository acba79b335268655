"""Real change or noise on the page of a recording."""

import re
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from app.biomech.types import Movement
from app.services.screening_models import ScreeningChange
from app.web.charts import draw_difference
from app.web.present_change import SHOWN, present_change
from tests.factories import Club
from tests.screenings import DAY, ScreeningMaker, landing_record
from tests.web import samples
from tests.web.conftest import WebParts

DVJ = Movement.DROP_VERTICAL_JUMP


def test_panel_when_the_knees_came_in_less_then_said_in_words_icon_and_drawing() -> None:
    panel = present_change(samples.change(), movement=DVJ)
    assert panel is not None
    assert panel.since == "Since 10 January 2026 (3 valid trials then, 3 now)."
    by_label = {(row.label, row.badge.text) for row in panel.rows}
    assert ("Knee angle in the frontal plane (FPPA)", "Improved") in by_label
    assert ("Score", "Within measurement error") in by_label
    assert len(panel.rows) == 1 + len(SHOWN)
    knee = next(row for row in panel.rows if row.badge.text == "Improved")
    assert (knee.before, knee.after, knee.badge.icon) == ("28.0°", "14.0°", "check")
    assert knee.words.startswith("Improved: −14.0°")  # noqa: RUF001 - the true minus is what is tested
    assert knee.drawing is not None
    assert ">better<" in knee.drawing


def test_panel_when_the_method_changed_then_the_reason_and_no_numbers() -> None:
    panel = present_change(samples.change(version="0.9.0"), movement=DVJ)
    assert panel is not None
    assert panel.rows == ()
    assert panel.notice is not None
    assert "Different method versions" in panel.notice


def test_panel_when_there_is_nothing_earlier_then_none() -> None:
    one = samples.change()
    alone = ScreeningChange(athlete_id=one.athlete_id, before=None, after=one.after, movements=())
    assert present_change(alone, movement=DVJ) is None
    assert present_change(one, movement=Movement.RUNNING) is None


@pytest.mark.parametrize(("difference", "is_real"), [(-12.0, True), (-5.0, False)])
def test_drawing_when_a_change_is_real_then_the_interval_leaves_zero_and_the_grey_field_its_dot(
    difference: float, is_real: bool
) -> None:
    drawn = draw_difference(
        difference=difference, interval=(difference - 8.9, difference + 8.9), mdc=8.9, better_is_less=True, label="x"
    )  # fmt: skip
    low, high = (float(x) for x in re.findall(r"M([\d.]+) 12v12", drawn))
    field, width = (
        float(x) for x in re.findall(r'<rect class="noise" x="([\d.]+)" y="6" width="([\d.]+)"', drawn)[0]
    )
    dot = float(re.findall(r'cx="([\d.]+)"', drawn)[0])
    zero = 180.0
    assert (high < zero or low > zero) is is_real
    assert (dot < field or dot > field + width) is is_real
    assert 30.0 <= low < high <= 330.0


def test_page_when_there_is_an_earlier_screening_then_the_change_is_on_it(
    browser: httpx.Client, parts: WebParts, club: Club, tmp_path: Path
) -> None:
    make = ScreeningMaker(uow_factory=parts.uow_factory, blobs=parts.blobs, club=club, folder=tmp_path)
    athlete = make.athlete()
    make.landings(athlete, landing_record(fppa=(20.0, 20.0)))
    _, recording_id = make.trial(athlete, landing_record(fppa=(6.0, 6.0)), day=DAY + timedelta(days=60))
    text = browser.get(f"/recordings/{recording_id}").text
    assert "Real change or noise" in text
    assert "Since 1 September 2024 (1 valid trial then, 1 now)." in text
    assert "Improved" in text
