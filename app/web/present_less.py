"""The LESS of a trial, from the read model to the page."""

from typing import Final

from app.biomech.change import Better
from app.biomech.less import MAX_TOTAL, LessItem, LessScore, SubScore
from app.biomech.less_change import UNIT, describe_less_change
from app.biomech.norms import NormResult, describe_norm
from app.biomech.types import View
from app.services.trial_models import LessOverTrials, ScreeningLessView, TrialResultView
from app.web.contexts.parts import Badge, Tone
from app.web.contexts.results import ChangeRow, LessContext, LessPanel, LessRow
from app.web.present_change import change_row
from app.web.words import MARK_LABELS, NO_VALUE, number_text, percent_text, plural

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


def present_less(trial: TrialResultView, *, screening: ScreeningLessView | None = None) -> LessPanel | None:
    """Return the LESS of the trial that a recording belongs to, None when there is nothing to show.

    With a total, that of the whole screening is set beside published ones and beside the one before.
    """
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
        context=None if screening is None else _context(screening),
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


def _context(screening: ScreeningLessView) -> LessContext | None:
    combined, norm = screening.now.combined, screening.norm
    if combined is None or not combined.is_total:
        return None
    return LessContext(
        over_trials=_over_trials(screening.now, combined),
        norm=describe_norm(norm),
        share=_share(norm) if isinstance(norm, NormResult) else None,
        caveat=norm.norm.caveat if isinstance(norm, NormResult) else None,
        change=_change(screening),
    )


def _over_trials(now: LessOverTrials, combined: LessScore) -> str | None:
    """Return the total of several trials, None where one stands for itself."""
    if combined.n_trials < 2:
        return None
    left_out = now.n_other_versions
    others = f" {plural(left_out, 'trial')} of another method version left out." if left_out else ""
    return (
        f"{combined.total} of {MAX_TOTAL} errors over {combined.n_trials} trials ({combined.category}): an error counts when"
        f" two trials in three show it.{others}"
    )


def _share(result: NormResult) -> str:
    """Return how sure the place is, and how many of the reference have fewer errors."""
    sure = f"{percent_text(result.probability)} probable, given the measurement errors."
    if result.percentile is None or result.percentile_interval is None:
        return sure
    low, high = result.percentile_interval.low, result.percentile_interval.high
    return (
        f"{sure} About {number_text(result.percentile, digits=0)} % of them have fewer errors"
        f" (90 % interval {number_text(low, digits=0)} to {number_text(high, digits=0)})."
    )


def _change(screening: ScreeningLessView) -> ChangeRow | None:
    """Return the total against the one before, None without one."""
    since, found = screening.previous_screened_on, screening.change
    if since is None:
        return None
    readings = (found.change.before, found.change.after)
    return change_row(
        "Since the earlier screening",
        f"{since.day} {since:%B %Y}",
        found.change,
        values=tuple(
            NO_VALUE if reading is None else number_text(reading.value, digits=0) for reading in readings
        ),
        unit=UNIT,
        better=Better.LOWER,
        words=describe_less_change(found),
    )


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
