"""Every movement and every metric is described whole, and nothing is reported that is not described."""

import pytest

from app.biomech.change import Better, direction_of
from app.biomech.definitions import METRICS
from app.biomech.metrics import Value, make_metric
from app.biomech.movements import find_movements
from app.biomech.movements.base import MovementDefinition
from app.biomech.pipeline import MOVEMENTS
from app.biomech.types import Movement, Side

MARKS = {"V", "M", "D", "P"}


@pytest.mark.parametrize("definition", MOVEMENTS.values(), ids=list(MOVEMENTS))
def test_movement_when_defined_then_it_is_whole(definition: MovementDefinition) -> None:
    assert definition.name
    assert definition.protocol
    assert definition.phases
    assert definition.valid_when
    assert definition.views
    assert definition.flagged_frames
    assert set(definition.metrics) <= METRICS.keys()
    for key in definition.metrics:
        movements = METRICS[key].movements
        assert movements == "any" or definition.movement in movements


def test_movements_when_found_then_in_the_order_of_the_list_and_each_once() -> None:
    assert list(find_movements()) == list(MOVEMENTS) == list(Movement)


@pytest.mark.parametrize("key", METRICS)
def test_metric_when_defined_then_it_is_whole(key: str) -> None:
    definition = METRICS[key]
    assert definition.key == key
    assert definition.formula.endswith(".")
    assert definition.sides
    assert definition.events
    assert definition.views
    assert definition.mark in MARKS
    assert definition.reference or definition.mark in {"D", "P"}
    assert (definition.sem is None and definition.mdc is None) or definition.error_source
    # A signed quantity says what its sign means, and is never given in per cent of the other side.
    assert not (definition.sign_convention and definition.is_ratio_scale)


def test_metric_when_side_event_or_key_is_not_defined_then_it_cannot_be_made() -> None:
    value = Value(value=1.0, se=0.1)
    assert make_metric("fppa", Side.LEFT, value, event="peak", repetition=2).repetition == 2
    with pytest.raises(ValueError, match="not defined for side"):
        make_metric("jump_height", Side.LEFT, value, event="second_contact")
    with pytest.raises(ValueError, match="event 'take_off'"):
        make_metric("fppa", Side.LEFT, value, event="take_off")
    with pytest.raises(KeyError):
        make_metric("knee_happiness", Side.LEFT, value, event="peak")


@pytest.mark.parametrize("key", METRICS)
def test_metric_when_it_has_a_target_then_it_also_has_a_direction(key: str) -> None:
    direction = direction_of(METRICS[key])
    if METRICS[key].target is not None:
        assert direction.better is not Better.NEITHER
        assert direction.gain(METRICS[key].target, METRICS[key].target) == 0.0
