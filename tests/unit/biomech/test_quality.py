"""Findings are complete, plain and add up to the right verdict."""

import doctest
import re

import pytest

import app.biomech.quality as quality
from app.biomech.quality import FINDINGS, judge_verdict, make_finding, sort_findings
from app.biomech.types import Severity, Verdict

FORBIDDEN = re.compile(r"diagnos|injur|\bsafe to\b|cleared|risk of", re.IGNORECASE)


@pytest.mark.parametrize("code", sorted(FINDINGS))
def test_finding_when_built_from_its_code_then_says_what_is_wrong_and_what_to_do(code: str) -> None:
    finding = make_finding(code)
    assert finding.code == code
    assert finding.message.endswith(".")
    assert finding.how_to_fix.endswith(".")
    assert "{" not in finding.message
    assert not FORBIDDEN.search(finding.message + finding.how_to_fix)


def test_make_finding_when_all_facts_are_given_then_adds_the_detail() -> None:
    assert (
        "It lasts 75 s; the limit is 60 s." in make_finding("too_long", duration_s=75.2, limit_s=60).message
    )
    assert "It lasts" not in make_finding("too_long", duration_s=75.2).message


def test_make_finding_when_the_code_is_unknown_then_refuses() -> None:
    with pytest.raises(KeyError):
        make_finding("no_such_code")


@pytest.mark.parametrize(
    ("codes", "verdict"),
    [
        ([], Verdict.VALID),
        (["scale_unknown"], Verdict.VALID),
        (["scale_unknown", "fps_low"], Verdict.ATTENTION),
        (["fps_low", "no_person"], Verdict.INVALID),
    ],
)
def test_judge_verdict_when_findings_are_mixed_then_the_worst_decides(
    codes: list[str], verdict: Verdict
) -> None:
    assert judge_verdict(make_finding(code) for code in codes) is verdict


def test_sort_findings_when_a_code_comes_twice_then_keeps_the_worst_and_puts_errors_first() -> None:
    findings = [
        make_finding("scale_unknown"),
        make_finding("multiple_people"),
        make_finding("multiple_people", severity=Severity.ERROR),
    ]
    assert [(f.code, f.severity) for f in sort_findings(findings)] == [
        ("multiple_people", Severity.ERROR),
        ("scale_unknown", Severity.INFO),
    ]


def test_quality_when_its_examples_are_run_then_they_hold() -> None:
    assert doctest.testmod(quality).failed == 0
