"""The LESS of a trial, from the read model to the page."""

from typing import Final

from app.biomech.less import MAX_TOTAL, LessItem, LessScore, SubScore
from app.biomech.types import View
from app.services.trial_models import TrialResultView
from app.web.contexts.parts import Badge, Tone
from app.web.contexts.results import LessPanel, LessRow
from app.web.words import MARK_LABELS, NO_VALUE, number_text, percent_text

_OURS: Final = "P"
_SEEN_FROM: Final[dict[tuple[View, ...], str]] = {
    (View.FRONTAL,): "Front",
    (View.SAGITTAL,): "Side",
    (View.FRONTAL, View.SAGITTAL): "Both",
}
_CATEGORIES: Final[dict[str, tuple[Tone, str]]] = {
    "excellent": (Tone.GOOD, "check"),
    "good": (Tone.GOOD, "check"),
    "moderate": (Tone.SOME, "half"),
    "poor": (Tone.MARKED, "full"),
}


def present_less(trial: TrialResultView) -> LessPanel | None:
    """Return the LESS of the trial that a recording belongs to, None when there is nothing to show."""
    if trial.judgement is None or not trial.has_less or not trial.judgement.less.n_seen:
        return None
    score = trial.judgement.less
    whole = score.total is not None
    return LessPanel(
        value=_value(score),
        of=_of(score),
        category=_category(score),
        sentence=_total_sentence(score) if whole else _part_sentence(score),
        partner=_partner(trial),
        sub_scores=tuple(_sub_score(sub) for sub in score.sub_scores) if len(score.sub_scores) > 1 else (),
        rows=tuple(_row(item) for item in score.items),
    )


def _value(score: LessScore) -> str:
    """Return the total, or what one view shows of it; a dash where two views were not joined."""
    if score.total is not None:
        return str(score.total)
    return str(score.sub_scores[0].errors) if len(score.sub_scores) == 1 else NO_VALUE


def _of(score: LessScore) -> str:
    if score.total is not None:
        return f"of {MAX_TOTAL} errors"
    if len(score.sub_scores) > 1:
        return "no total"
    sub = score.sub_scores[0]
    return f"of {sub.out_of} seen from the {_where(sub)}"


def _where(sub: SubScore) -> str:
    return "front" if sub.view is View.FRONTAL else "side"


def _category(score: LessScore) -> Badge | None:
    if score.category is None:
        return None
    tone, icon = _CATEGORIES[score.category]
    return Badge(tone=tone, icon=icon, text=score.category.capitalize())


def _total_sentence(score: LessScore) -> str:
    return (
        f"Given the measurement errors, {number_text(score.expected_total, digits=1)} errors are to be expected,"
        f" give or take {number_text(score.total_sd, digits=1)}. Between two days, a change of less than"
        f" {score.mdc} errors is not real."
    )


def _part_sentence(score: LessScore) -> str:
    views = {sub.view for sub in score.sub_scores}
    if len(views) > 1:
        return f"{score.n_seen} of 17 items were seen, so there is no total."
    other = "the side" if View.FRONTAL in views else "the front"
    return f"From one view there is no total. Film the same trial from {other} too, with a second phone."


def _partner(trial: TrialResultView) -> str | None:
    """Return how the two recordings were put together, None with one view."""
    join = None if trial.judgement is None else trial.judgement.join
    if join is None:
        return None
    if not join.is_joined:
        return (
            " ".join(finding.message for finding in trial.findings) or "The two recordings were not joined."
        )
    left = "" if join.n_events < 2 else f"; they fit within {number_text(join.residual_ms, digits=0)} ms"
    return f"Front and side were joined by {join.n_events} events{left}."


def _sub_score(sub: SubScore) -> str:
    return f"From the {_where(sub)}: {sub.errors} of {sub.out_of}"


def _row(item: LessItem) -> LessRow:
    return LessRow(
        number=str(item.number),
        name=item.name,
        rule=item.error_when,
        view=_SEEN_FROM[item.views],
        answer=_answer(item),
        note=item.note,
        mark=item.mark,
        mark_label=MARK_LABELS[item.mark],
        is_ours=item.mark == _OURS,
        probability=None if item.p_error is None else percent_text(item.p_error),
        probability_percent=None if item.p_error is None else round(100 * item.p_error),
    )


def _answer(item: LessItem) -> str:
    if item.error is None:
        return "Not seen"
    words = {0: "No error", 1: "1 error", 2: "2 errors"}[item.error]
    return f"{words}, near the limit" if item.grey else words
