"""The examples in the docstrings hold, and the written method names every metric, component and band."""

import doctest
import importlib
from pathlib import Path

import pytest

from app.biomech.definitions import METRICS
from app.biomech.method import BANDS, COMPONENTS

MODULES = (
    "angles",
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
    "screening",
    "less",
    "less_items",
    "nomogram",
    "sagittal",
    "sagittal_landing",
    "two_views",
)
METHOD = Path(__file__).parents[3] / "docs" / "method.md"


@pytest.mark.parametrize("name", MODULES)
def test_examples_when_run_then_they_hold(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"app.biomech.{name}"))
    assert result.attempted > 0
    assert result.failed == 0


def test_written_method_when_read_then_every_metric_band_and_weight_is_in_it() -> None:
    text = METHOD.read_text()
    for key, definition in METRICS.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| `{key}`"))
        assert f"| {definition.unit} |" in row
    assert all(f"*{band.name}*" in text for band in BANDS)
    table = [
        line
        for line in text.splitlines()
        if line.count("|") == 7 and line.rstrip("| ").endswith(("yes", "no", "known"))
    ]
    weights = [float(cell) for line in table if (cell := line.split("|")[3].strip()).isdigit()]
    assert sorted(weights) == sorted(component.weight for component in COMPONENTS.values())
