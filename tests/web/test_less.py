"""The LESS on the page of a recording: what was seen, how sure, and what is missing."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from app.biomech.change import Obstacle
from app.biomech.less import score_less
from app.biomech.two_views import join_views
from app.biomech.types import Movement, View
from app.services.trial_models import ScreeningLessView, TrialResultView
from app.web.contexts.results import LessContext, LessPanel
from app.web.present_less import present_less
from app.web.render import render_html
from tests.factories import Club
from tests.screenings import DAY, ScreeningMaker, record_of
from tests.synth import drop_jump
from tests.synth_sagittal import side_drop_jump
from tests.web import less_samples
from tests.web.conftest import WebParts
from tests.web.preview import pages


def panel(trial: TrialResultView) -> LessPanel:
    found = present_less(trial)
    assert found is not None
    return found


def test_less_when_both_views_are_joined_then_total_category_and_spread() -> None:
    less = panel(less_samples.trial())
    assert less.of == "of 17 errors"
    assert int(less.value) == sum(int(row.answer[0]) for row in less.rows if row.answer[0].isdigit())
    assert less.category is not None
    assert "errors are to be expected, give or take" in less.sentence
    assert "less than 3 errors is not real" in less.sentence
    assert less.partner == "Front and side were joined by 3 events; they fit within 0 ms."
    assert len(less.sub_scores) == 2


def test_less_when_one_view_is_there_then_sub_score_and_what_to_film() -> None:
    less = panel(less_samples.trial(both=False))
    assert (less.category, less.partner, less.sub_scores) == (None, None, ())
    assert less.of == "of 8 seen from the front"
    assert "Film the same trial from the side too" in less.sentence
    unseen = [row for row in less.rows if row.view != "Front"]
    assert {row.answer for row in unseen} == {"Not seen"}
    assert all(row.probability is None and row.note.startswith("Not seen") for row in unseen)


def test_less_when_an_item_is_near_its_limit_then_it_is_said_in_words() -> None:
    rows = {row.number: row for row in panel(less_samples.trial()).rows}
    # 0.79 +- 0.08 against 0.8.
    assert rows["8"].answer == "1 error, near the limit"
    assert (rows["8"].probability, rows["8"].is_ours) == ("55 %", True)
    assert rows["13"].answer == "No error"


def test_less_when_the_two_were_not_joined_then_why_and_no_total() -> None:
    trial = less_samples.trial()
    assert trial.judgement is not None
    apart = join_views(front=[], side=[])
    judgement = replace(
        trial.judgement, join=apart, less=score_less(trial.judgement.evidence, one_trial=False)
    )
    less = panel(replace(trial, judgement=judgement, findings=apart.findings))
    assert (less.of, less.category) == ("no total", None)
    assert less.partner is not None
    assert "no event in common" in less.partner
    assert "so there is no total" in less.sentence


def test_less_when_the_movement_has_none_then_nothing_is_shown() -> None:
    trial = less_samples.trial()
    assert present_less(replace(trial, has_less=False)) is None
    assert present_less(replace(trial, judgement=None)) is None


def test_page_when_the_trial_has_two_views_then_it_shows_the_score_of_both() -> None:
    html = render_html(pages()["recording-good"])
    assert "Landing Error Scoring System" in html
    assert "does not tell who will be hurt" in html
    assert "Movement deviation score" in html


def context(screening: ScreeningLessView) -> LessContext:
    found = present_less(less_samples.trial(), screening=screening)
    assert found is not None
    assert found.context is not None
    return found.context


def test_less_when_the_screening_has_three_trials_then_its_total_by_the_rule_of_two_in_three() -> None:
    found = context(less_samples.screening_less()).over_trials
    assert found is not None
    assert "errors over 3 trials" in found
    assert "an error counts when two trials in three show it" in found


def test_less_when_a_norm_fits_then_shown_with_source_number_and_caveat() -> None:
    found = context(less_samples.screening_less())
    assert found.norm.startswith("Higher than typical for women of 17 to 23 years, military cadets")
    assert "n = 2753, Beutler 2009" in found.norm
    assert found.share is not None
    assert "probable, given the measurement errors" in found.share
    assert "of them have fewer errors (90 % interval " in found.share
    assert found.caveat is not None
    assert "a drop vertical jump has no such reference" in found.caveat


def test_less_when_no_norm_fits_then_said_why() -> None:
    found = context(less_samples.screening_less(movement=Movement.DROP_VERTICAL_JUMP))
    assert found.norm.startswith(
        "No suitable norm: The reference values there are belong to another movement"
    )
    assert (found.share, found.caveat) == (None, None)


@pytest.mark.parametrize(
    ("fewer", "verdict"), [(4, "Improved"), (1, "Within measurement error"), (-4, "Worse")]
)
def test_less_when_there_is_an_earlier_total_then_change_with_its_interval(fewer: int, verdict: str) -> None:
    change = context(less_samples.screening_less(fewer=fewer)).change
    assert change is not None
    assert (change.badge.text, change.detail) == (verdict, "10 January 2026")
    assert (int(change.before) - int(change.after)) == fewer
    assert "95 % interval" in change.words
    assert change.drawing is not None


def test_less_when_the_earlier_total_cannot_be_compared_then_said_why() -> None:
    found = context(less_samples.screening_less(obstacles=(Obstacle.METHOD_VERSION,))).change
    assert found is not None
    assert (found.badge.text, found.drawing) == ("Not comparable", None)
    assert "Different method versions" in found.words


def test_less_when_there_is_no_earlier_total_then_no_change_and_without_a_total_no_context() -> None:
    screening = less_samples.screening_less()
    assert context(replace(screening, previous_screened_on=None)).change is None
    lacking = replace(screening, now=replace(screening.now, combined=None))
    assert panel(less_samples.trial()).context is None
    without = present_less(less_samples.trial(), screening=lacking)
    assert without is not None
    assert without.context is None


def test_page_when_two_screenings_have_both_views_then_norm_and_change_are_on_it(
    browser: httpx.Client, parts: WebParts, club: Club, tmp_path: Path
) -> None:
    make = ScreeningMaker(uow_factory=parts.uow_factory, blobs=parts.blobs, club=club, folder=tmp_path)
    front = record_of(drop_jump(contact_s=0.45)[1], View.FRONTAL)
    side = record_of(side_drop_jump(contact_s=0.45, stand_s=1.5)[1], View.SAGITTAL)
    athlete = make.athlete()
    for day in (DAY, DAY + timedelta(days=60)):
        make.trial(athlete, front, day=day, number=1)
        _, recording_id = make.trial(athlete, side, day=day, number=1, view=View.SAGITTAL)
    page = browser.get(f"/recordings/{recording_id}").text
    assert "No suitable norm: The reference values there are belong to another movement" in page
    assert "Since the earlier screening" in page
    assert "1 September 2024" in page
    assert "Within measurement error: +0.0 errors (95 % interval" in page
