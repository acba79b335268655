"""The LESS on the page of a recording: what was seen, how sure, and what is missing."""

from dataclasses import replace

from app.biomech.less import score_less
from app.biomech.two_views import join_views
from app.services.trial_models import TrialResultView
from app.web.contexts.results import LessPanel
from app.web.present_less import present_less
from app.web.render import render_html
from tests.web import samples
from tests.web.preview import pages


def panel(trial: TrialResultView) -> LessPanel:
    found = present_less(trial)
    assert found is not None
    return found


def test_less_when_both_views_are_joined_then_total_category_and_spread() -> None:
    less = panel(samples.trial())
    assert less.of == "of 17 errors"
    assert int(less.value) == sum(int(row.answer[0]) for row in less.rows if row.answer[0].isdigit())
    assert less.category is not None
    assert "errors are to be expected, give or take" in less.sentence
    assert "less than 3 errors is not real" in less.sentence
    assert less.partner == "Front and side were joined by 3 events; they fit within 0 ms."
    assert len(less.sub_scores) == 2


def test_less_when_one_view_is_there_then_sub_score_and_what_to_film() -> None:
    less = panel(samples.trial(both=False))
    assert (less.category, less.partner, less.sub_scores) == (None, None, ())
    assert less.of == "of 8 seen from the front"
    assert "Film the same trial from the side too" in less.sentence
    unseen = [row for row in less.rows if row.view != "Front"]
    assert {row.answer for row in unseen} == {"Not seen"}
    assert all(row.probability is None and row.note.startswith("Not seen") for row in unseen)


def test_less_when_an_item_is_near_its_limit_then_it_is_said_in_words() -> None:
    rows = {row.number: row for row in panel(samples.trial()).rows}
    # 0.79 +- 0.08 against 0.8.
    assert rows["8"].answer == "1 error, near the limit"
    assert (rows["8"].probability, rows["8"].is_ours) == ("55 %", True)
    assert rows["13"].answer == "No error"


def test_less_when_the_two_were_not_joined_then_why_and_no_total() -> None:
    trial = samples.trial()
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
    trial = samples.trial()
    assert present_less(replace(trial, has_less=False)) is None
    assert present_less(replace(trial, judgement=None)) is None


def test_page_when_the_trial_has_two_views_then_it_shows_the_score_of_both() -> None:
    html = render_html(pages()["recording-good"])
    assert "Landing Error Scoring System" in html
    assert "does not tell who will be hurt" in html
    assert "Movement deviation score" in html
