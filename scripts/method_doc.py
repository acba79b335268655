"""Write the tables of docs/method.md from the code, so that page, API and numbers say the same.

Each table stands between ``<!-- NAME: made by make method-doc -->`` and ``<!-- end of NAME -->``; what stands
around them is written by hand. With ``--check`` nothing is written, and the exit status says whether it would be.
"""

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from app.biomech.change import Better, direction_of, published_mdc
from app.biomech.definitions import METRICS, MetricDefinition
from app.biomech.evidence import BASE_RATES, SCREENING_TESTS
from app.biomech.less_items import ITEMS
from app.biomech.method import BANDS, COMPONENTS, FPPA_CUTOFF_DEG
from app.biomech.norms import PUBLISHED
from app.biomech.pipeline import MOVEMENTS
from app.biomech.trials import recommended_trials
from app.biomech.types import Sex

PAGE = Path(__file__).resolve().parent.parent / "docs" / "method.md"
AGAIN = "run: make method-doc"
SIGNS = {1: "≥", -1: "≤"}


def table(head: str, rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table; a bar in a cell is written out of the way."""
    titles = head.split(" | ")
    lines = [f"| {head} |", "|" + "---|" * len(titles)]
    lines += ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def words(names: Iterable[object]) -> str:
    """Return names as words."""
    return ", ".join(str(name).replace("_", " ") for name in names)


def percent(share: float) -> str:
    """Return a share in per cent, with a digit after the point below ten."""
    return f"{100 * share:.{0 if share >= 0.0995 else 1}f} %"


def better(definition: MetricDefinition) -> str:
    """Return which way is better."""
    direction = direction_of(definition)
    if direction.target is None:
        return direction.better.value
    joined = {Better.LOWER: ", down to", Better.HIGHER: ", up to", Better.NEARER: " to", Better.NEITHER: ""}
    return f"{direction.better.value}{joined[direction.better]} {direction.target:g}"


def make_metrics() -> str:
    """Return what every number means."""
    return table(
        "key | unit | name | sides | instants | view | definition | better | source",
        (
            (
                f"`{d.key}`", d.unit, d.name, words(d.sides), words(d.events), words(d.views),
                f"{d.formula} {d.sign_convention}".strip(), better(d), f"{d.mark} {d.reference}".strip(),
            )
            for d in METRICS.values()
        ),
    )  # fmt: skip


def make_errors() -> str:
    """Return the published errors between sessions."""
    return table(
        "key | standard error of measurement | smallest real change (MDC95) | unit | source",
        (
            (f"`{d.key}`", "-" if d.sem is None else f"{d.sem:g}", f"{mdc:.2g}", d.unit, d.error_source)
            for d in METRICS.values()
            if (mdc := published_mdc(d)) is not None
        ),
    )


def make_movements() -> str:
    """Return the movements."""
    return table(
        "movement | name | views | valid trials asked for | a trial counts when",
        (
            (
                f"`{m.movement}`",
                m.name,
                words(m.views),
                recommended_trials(m.movement),
                " ".join(m.valid_when),
            )
            for m in MOVEMENTS.values()
        ),
    )


def make_score() -> str:
    """Return the parts of the score."""
    by_sex = f"{FPPA_CUTOFF_DEG[Sex.FEMALE]:g} women, {FPPA_CUTOFF_DEG[Sex.MALE]:g} men"
    return table(
        "part | beyond its cut-off when | unit | weight | least SE | source",
        (
            (
                f"`{key}`", f"{SIGNS[part.direction]} {by_sex if key == 'fppa' else f'{part.cutoff:g}'}",
                part.unit, f"{part.weight:g}", f"{part.se:g}", f"{part.mark} {part.source}",
            )
            for key, part in COMPONENTS.items()
        ),
    )  # fmt: skip


def make_bands() -> str:
    """Return the bands of the score."""
    return table("from | band | what to do", ((f"{b.lower:g}", f"*{b.name}*", b.advice) for b in BANDS))


def make_norms() -> str:
    """Return the published references."""
    return table(
        "key | movement, instants | sex, ages | n | reference | landmarks | source | caveat",
        (
            (
                f"`{norm.key}`", words([norm.movement, *norm.events]), f"{norm.sex}, {norm.ages[0]}-{norm.ages[1]}; {norm.level}",
                norm.n, f"{norm.band[0]:g} to {norm.band[1]:g} {norm.unit}" if norm.band else f"{norm.mean:g} ± {norm.sd:g} {norm.unit}",
                norm.landmarks, f"{norm.mark} {norm.source}", norm.caveat,
            )
            for norm in PUBLISHED
        ),
    )  # fmt: skip


def make_predictive_values() -> str:
    """Return what a positive result would mean."""
    rates = " | ".join(f"of {100 * rate:g} % injured" for rate in BASE_RATES)
    return table(
        f"test (sensitivity, specificity) | for | {rates} | LR+, LR- | source",
        (
            (
                f"{t.name} ({t.sensitivity:.2f}, {t.specificity:.2f})", t.predicts,
                *(percent(t.predictive_value(rate)) for rate in BASE_RATES),
                f"{t.likelihood_ratio_positive:.2f}, {t.likelihood_ratio_negative:.2f}", f"{t.mark} {t.source}",
            )
            for t in SCREENING_TESTS
        ),
    )  # fmt: skip


def make_less() -> str:
    """Return the items of the LESS."""
    return table(
        "item | name | error when | view | mark of the rule",
        ((item.number, item.name, item.error_when, words(item.views), item.mark) for item in ITEMS),
    )


TABLES: dict[str, Callable[[], str]] = {
    "metrics": make_metrics,
    "errors": make_errors,
    "movements": make_movements,
    "score": make_score,
    "bands": make_bands,
    "less": make_less,
    "norms": make_norms,
    "predictive values": make_predictive_values,
}


def fill(page: str) -> str:
    """Return the page with every table as the code has it; raise ``ValueError`` when a place for one is missing."""
    for name, make in TABLES.items():
        begin, end = f"<!-- {name}: made by make method-doc -->", f"<!-- end of {name} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        if len(pattern.findall(page)) != 1:
            msg = f"docs/method.md must hold one place for the table of {name}: {begin} ... {end}"
            raise ValueError(msg)
        before, after = pattern.split(page)
        page = f"{before}{begin}\n{make()}\n{end}{after}"
    return page


def main() -> int:
    """Fill the page, or say whether it is filled."""
    page = PAGE.read_text()
    filled = fill(page)
    if "--check" in sys.argv[1:]:
        if page != filled:
            print(f"docs/method.md is not as the code has it; {AGAIN}", file=sys.stderr)
        return int(page != filled)
    PAGE.write_text(filled)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
