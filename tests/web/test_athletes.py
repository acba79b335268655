"""The page of one athlete, and its drawing of a number over months."""

import re
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest

from app.web.trends import TREND_WIDE, TrendPoint, draw_trend
from tests.factories import Club, make_athlete
from tests.screenings import DAY, ScreeningMaker, landing_record
from tests.web.conftest import SignIn, WebParts


def _point(day: date, value: float, *, is_break: bool = False) -> TrendPoint:
    return TrendPoint(
        day=day, value=value, low=value - 4, high=value + 4, label=f"{day}: {value}", is_break=is_break
    )


def _drawn(*points: TrendPoint, limits: tuple[float, float] | None = None) -> str:
    return draw_trend(
        points, limits=limits, lines=(30.0, 60.0), size=TREND_WIDE, dom_id="x", title="Score", description="d"
    )


def test_trend_when_drawn_then_higher_is_higher_later_is_further_right_and_days_keep_their_distance() -> None:
    days = [DAY, DAY + timedelta(days=30), DAY + timedelta(days=90)]
    drawing = _drawn(*(_point(day, value) for day, value in zip(days, (10.0, 40.0, 25.0), strict=True)))
    dots = [
        (float(x), float(y)) for x, y in re.findall(r'<circle class="pointer-dot" cx="([\d.]+)" cy="([\d.]+)"', drawing)
    ]  # fmt: skip
    assert len(dots) == 3
    assert dots[1][1] < dots[2][1] < dots[0][1]
    assert dots[2][0] - dots[1][0] == pytest.approx(2 * (dots[1][0] - dots[0][0]), abs=0.2)
    assert drawing.count('class="course"') == 2


def test_trend_when_the_series_breaks_then_nothing_is_joined_over_the_mark() -> None:
    days = [DAY + timedelta(days=30 * n) for n in range(3)]
    drawing = _drawn(_point(days[0], 10.0), _point(days[1], 12.0, is_break=True), _point(days[2], 14.0))
    assert drawing.count('class="course"') == 1
    assert drawing.count('class="series-break"') == 1


@pytest.mark.parametrize("values", [(5.0,), (5.0, 5.0), (-2.0, 0.0)])
def test_trend_when_points_are_few_or_the_same_then_they_lie_inside_the_frame(
    values: tuple[float, ...],
) -> None:
    drawing = _drawn(*(_point(DAY, value) for value in values))
    for x, y in re.findall(r'cx="([\d.-]+)" cy="([\d.-]+)"', drawing):
        assert 0 <= float(x) <= TREND_WIDE.width
        assert 0 <= float(y) <= TREND_WIDE.height


def test_trend_when_an_interval_leaves_the_scale_then_it_is_drawn_to_its_end() -> None:
    drawing = _drawn(_point(DAY, 99.0), limits=(0.0, 100.0))
    ends = [float(y) for y in re.findall(r"M[\d.]+ ([\d.]+)H", drawing)]
    assert min(ends) == pytest.approx(26.0, abs=0.1)


def test_page_when_screened_twice_then_course_change_and_every_video_are_on_it(
    browser: httpx.Client, parts: WebParts, club: Club, tmp_path: Path
) -> None:
    make = ScreeningMaker(uow_factory=parts.uow_factory, blobs=parts.blobs, club=club, folder=tmp_path)
    athlete = make.athlete()
    make.landings(athlete, landing_record(fppa=(20.0, 20.0)))
    _, recording_id = make.trial(athlete, landing_record(fppa=(6.0, 6.0)), day=DAY + timedelta(days=60))
    text = browser.get(f"/athletes/{athlete}").text
    assert "Drop vertical jump" in text
    assert "1 Sep 2024: 20.0° ± " in text
    assert "31 Oct 2024: 6.0° ± " in text
    assert "Real change or noise" in text
    assert "Improved" in text
    assert f'href="/recordings/{recording_id}"' in text
    assert f'href="/recordings/new?athlete={athlete}"' in text
    assert "Not one series" not in text


def test_page_when_the_method_was_renewed_then_the_break_is_drawn_and_said(
    browser: httpx.Client, parts: WebParts, club: Club, tmp_path: Path
) -> None:
    make = ScreeningMaker(uow_factory=parts.uow_factory, blobs=parts.blobs, club=club, folder=tmp_path)
    athlete = make.athlete()
    make.landings(athlete, landing_record(fppa=(20.0, 20.0)))
    make.trial(athlete, landing_record(fppa=(6.0, 6.0), version="9.9.9"), day=DAY + timedelta(days=60))
    text = browser.get(f"/athletes/{athlete}").text
    assert 'class="series-break"' in text
    assert "Not one series with the screening before it. Different method versions" in text


def test_page_when_never_screened_then_it_says_what_to_do(
    browser: httpx.Client, parts: WebParts, club: Club
) -> None:
    athlete = make_athlete(parts.uow_factory, club)
    text = browser.get(f"/athletes/{athlete.id}").text
    assert "Not screened yet" in text
    assert "Film a drop jump" in text


def test_page_when_one_may_only_look_then_no_upload_is_offered(
    onlooker: httpx.Client, parts: WebParts, club: Club
) -> None:
    athlete = make_athlete(parts.uow_factory, club)
    text = onlooker.get(f"/athletes/{athlete.id}").text
    assert "Ada Berg" in text
    assert "/recordings/new" not in text


def test_page_when_of_another_organisation_then_not_found(
    browser_of: SignIn, parts: WebParts, club: Club, rival: Club
) -> None:
    athlete = make_athlete(parts.uow_factory, club, name="Secret Person")
    answer = browser_of(rival).get(f"/athletes/{athlete.id}")
    assert answer.status_code == 404
    assert "Secret Person" not in answer.text
