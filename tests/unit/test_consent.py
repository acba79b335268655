"""Consent as a rule: whose is needed, what the decisions allow, and every step a recording can take because of it."""

from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest

from app.domain.consent import (
    AgeBand,
    ConsentRule,
    ConsentRules,
    ConsentSource,
    Decision,
    Purpose,
    Relation,
    Withheld,
    age_band,
    judge_consent,
    needs_consent,
)
from app.domain.lifecycle import TRANSITIONS, RecordingState, Trigger

TODAY = date(2026, 3, 1)
CHILD, ADULT = date(2014, 5, 1), date(2000, 5, 1)


def decided(purpose: Purpose, granted: bool, *, minute: int = 0) -> Decision:
    return Decision(
        purpose=purpose,
        granted=granted,
        given_by="Kim Doe",
        relation=Relation.PARENT,
        age_band=AgeBand.UNDER_13,
        text_version="plumbline-1",
        source=ConsentSource.LINK,
        created_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute),
    )


@pytest.mark.parametrize(
    ("rule", "strict", "child", "adult", "unknown"),
    [
        (ConsentRule.NOBODY, True, False, False, False),
        (ConsentRule.MINORS, False, True, False, False),
        (ConsentRule.MINORS, True, True, False, True),
        (ConsentRule.EVERYBODY, False, True, True, True),
    ],
)
def test_consent_when_asked_whose_is_needed_then_by_rule_and_age(
    rule: ConsentRule, strict: bool, child: bool, adult: bool, unknown: bool
) -> None:
    rules = ConsentRules(rule=rule, unknown_age_is_minor=strict)
    needed = [needs_consent(rules, date_of_birth=born, today=TODAY) for born in (CHILD, ADULT, None)]
    assert needed == [child, adult, unknown]


def test_consent_when_the_birthday_comes_then_no_longer_a_minor() -> None:
    rules = ConsentRules(age=16)
    born = date(2010, 3, 2)
    assert needs_consent(rules, date_of_birth=born, today=date(2026, 3, 1))
    assert not needs_consent(rules, date_of_birth=born, today=date(2026, 3, 2))
    assert not needs_consent(rules, date_of_birth=date(2008, 2, 29), today=date(2024, 2, 29))


@pytest.mark.parametrize("purposes", list(product([None, False, True], repeat=3)))
def test_verdict_when_any_decisions_are_made_then_nothing_is_shown_that_was_not_allowed(
    purposes: tuple[bool | None, ...],
) -> None:
    """All 27 combinations of the three purposes that matter to a recording, for a minor."""
    named = dict(
        zip((Purpose.SCREENING, Purpose.KEEP_VIDEO, Purpose.SHARE_WITH_COACH), purposes, strict=True)
    )
    decisions = [decided(purpose, granted) for purpose, granted in named.items() if granted is not None]
    verdict = judge_consent(ConsentRules(), date_of_birth=CHILD, decisions=decisions, today=TODAY)
    assert verdict.may_process == (named[Purpose.SCREENING] is True)
    assert verdict.may_keep_video == (named[Purpose.KEEP_VIDEO] is True)
    expected = (
        Withheld.FROM_EVERYBODY
        if not named[Purpose.SCREENING]
        else Withheld.NOT
        if named[Purpose.SHARE_WITH_COACH]
        else Withheld.FROM_COACHES
    )
    assert verdict.withheld is expected


def test_verdict_when_withdrawn_then_the_later_decision_counts_whatever_the_order() -> None:
    given, withdrawn = decided(Purpose.SCREENING, True), decided(Purpose.SCREENING, False, minute=1)
    for order in ((given, withdrawn), (withdrawn, given)):
        assert not judge_consent(
            ConsentRules(), date_of_birth=CHILD, decisions=order, today=TODAY
        ).may_process


def test_verdict_when_an_adult_refuses_then_obeyed_although_nobody_had_to_ask() -> None:
    refused = judge_consent(
        ConsentRules(), date_of_birth=ADULT, decisions=[decided(Purpose.SCREENING, False)], today=TODAY
    )
    assert not refused.may_process
    assert judge_consent(ConsentRules(), date_of_birth=ADULT, decisions=[], today=TODAY).may_process


@pytest.mark.parametrize(
    ("born", "band"),
    [(None, AgeBand.UNKNOWN), (date(2014, 1, 1), AgeBand.UNDER_13), (date(2012, 1, 1), AgeBand.FROM_13),
     (date(2009, 1, 1), AgeBand.FROM_16), (date(2008, 1, 1), AgeBand.ADULT)],
)  # fmt: skip
def test_age_band_when_asked_then_no_more_than_needed(born: date | None, band: AgeBand) -> None:
    assert age_band(born, today=TODAY) is band


def test_states_when_consent_is_missing_then_nothing_but_consent_or_the_end_leads_on() -> None:
    ways_on = {
        trigger: after
        for (before, trigger), after in TRANSITIONS.items()
        if before is RecordingState.AWAITING_CONSENT
    }
    assert ways_on == {Trigger.CONSENT_GIVEN: RecordingState.QUEUED, Trigger.ERASED: RecordingState.PURGED}
    stopped = {before for before, trigger in TRANSITIONS if trigger is Trigger.CONSENT_MISSING}
    assert stopped == {RecordingState.RECEIVED, RecordingState.QUEUED, RecordingState.PROCESSING}
