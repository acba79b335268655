"""Which curves of an analysis may be shown: where a number is withheld, its curve is withheld with it.

A view from which the knee angle cannot be told gives no knee angle, and its curve must not give it away either.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from app.biomech.definitions import METRICS
from app.biomech.types import FloatArray, Kinematics, Metric, Side

_KNEE_ANGLES: Final = frozenset({"fppa", "fppa_frontal"})
_METRIC_OF: Final[Mapping[str, str]] = {"trunk_lean": "lateral_trunk_lean"}
"""Curve -> the metric read from it, where the names differ."""
_SUFFIXES: Final = {"_deg": "deg"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One quantity over time."""

    name: str
    """With its unit, as in the stored series: ``fppa_left_deg``."""
    metric: str
    """Key of the metric that is read from it."""
    side: Side
    unit: str
    """UCUM."""
    is_withheld: bool
    values: FloatArray
    """(T,), NaN where not measurable, and throughout where withheld."""


def shown_curves(kinematics: Kinematics, metrics: Iterable[Metric]) -> tuple[Curve, ...]:
    """Return every curve with what it is, those that are withheld emptied."""
    listed = tuple(metrics)
    return tuple(_curve(name, values, listed) for name, values in kinematics.series.items())


def shown_kinematics(kinematics: Kinematics, metrics: Iterable[Metric]) -> Kinematics:
    """Return the kinematics with NaN throughout the curves that are withheld."""
    return replace(
        kinematics, series={curve.name: curve.values for curve in shown_curves(kinematics, metrics)}
    )


def _curve(name: str, values: FloatArray, metrics: tuple[Metric, ...]) -> Curve:
    quantity, unit = name, "1"
    for suffix, of_suffix in _SUFFIXES.items():
        if name.endswith(suffix):
            quantity, unit = name.removesuffix(suffix), of_suffix
    side = next((one for one in (Side.LEFT, Side.RIGHT) if quantity.endswith(f"_{one.value}")), Side.BOTH)
    quantity = quantity.removesuffix(f"_{side.value}")
    metric = _METRIC_OF.get(quantity, quantity)
    withheld = _is_withheld(metric, side, metrics)
    return Curve(
        name=name,
        metric=metric,
        side=side,
        unit=METRICS[metric].unit if metric in METRICS else unit,
        is_withheld=withheld,
        values=np.full_like(values, np.nan) if withheld else values,
    )


def _is_withheld(key: str, side: Side, metrics: tuple[Metric, ...]) -> bool:
    """Say whether the numbers of this curve are listed and none has a value; a knee angle needs one to be shown."""
    of_key = [metric for metric in metrics if metric.key == key]
    if key in _KNEE_ANGLES and all(metric.value is None for metric in of_key):
        return True
    listed = [metric.value for metric in of_key if metric.side is side]
    return bool(listed) and all(value is None for value in listed)
