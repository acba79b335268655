"""The examples in the docstrings hold, and the written method says what the code does."""

import doctest
import importlib
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from app.biomech import asymmetry, change, norms, static, trials
from app.biomech.definitions import METRICS
from app.biomech.method import BANDS, COMPONENTS
from app.biomech.norms import PUBLISHED

MODULES = (
    "angles",
    "corrections",
    "events",
    "metrics",
    "quality",
    "score",
    "signals",
    "statistics",
    "trials",
    "asymmetry",
    "change",
    "norms",
    "evidence",
    "less",
    "less_items",
    "nomogram",
    "sagittal",
    "frontal",
    "repetitions",
    "scale",
    "movements.single_leg_squat",
    "sagittal_landing",
    "two_views",
)
ROOT = Path(__file__).parents[3]
METHOD = ROOT / "docs" / "method.md"


@pytest.mark.parametrize("name", MODULES)
def test_examples_when_run_then_they_hold(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"app.biomech.{name}"))
    assert result.attempted > 0
    assert result.failed == 0


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("method_doc", ROOT / "scripts" / "method_doc.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def test_written_method_when_compared_with_the_code_then_every_table_is_as_the_code_has_it() -> None:
    script = load_script()
    page = METHOD.read_text()
    assert script.fill(page) == page, script.AGAIN
    for key in (*METRICS, *COMPONENTS):
        assert f"| `{key}` |" in page
    assert all(f"*{band.name}*" in page for band in BANDS)
    assert all(norm.source in page and norm.caveat in page for norm in PUBLISHED)


def test_written_method_when_a_place_for_a_table_is_missing_then_refused() -> None:
    script = load_script()
    with pytest.raises(ValueError, match="one place for the table of norms"):
        script.fill(METHOD.read_text().replace("<!-- end of norms -->", ""))


@pytest.mark.parametrize("module", [asymmetry, change, norms, static, trials])
def test_written_method_when_it_states_a_number_then_it_is_the_one_in_the_code(module: ModuleType) -> None:
    page = METHOD.read_text()
    for stated in STATED[module]:
        assert stated in page


STATED = {
    asymmetry: (f"when B exceeds {asymmetry.SIDE_GATE_DEG:g}°",),
    change: (f"box (within {change.BOX_TOLERANCE_CM:g} cm)",),
    norms: (f"Own norms begin at {norms.MIN_TEAM_SIZE} athletes",),
    static: (
        f"at least {static.EXCESS_SE_DEG:g}° (P)",
        f"at least {static.FIXED_FROM_DEG:g}° (P) beyond the cohort's mean, {static.COHORT_STATIC_DEG:g}°",
        f"excess ≤ {static.DYNAMIC_FROM_DEG:g}° (P) and displacement < {static.DISPLACEMENT_FROM_DEG:g}°",
        f"below {static.CERTAIN_CLASS:.2f} the words say",
    ),
    trials: ("weight of two degrees of freedom", "After two spare trials"),
}
"""Sentences written by hand around numbers of the code."""
