"""The service does what docs/openapi.json says, and nothing else, whoever asks and whatever is sent.

Every operation of the description is asked within its schema, at the borders of each value and outside, by somebody
who may do everything and by nobody. Whoever adds a route is in by that alone. `make fuzz` asks far more.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from app.api.v1 import recording_events
from tests.api.conftest import Club, make_key
from tests.api.contract import N_EXAMPLES, Contract, Operation, operations
from tests.api.support import PartsForTests
from tests.api.test_matrix import PatientLimiter
from tests.api.things import Things


@pytest.fixture(scope="module")
def parts(parts: PartsForTests) -> PartsForTests:
    return replace(parts, rate_limiter=PatientLimiter(None))


@pytest.fixture(autouse=True)
def short_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is followed here may never end by itself."""
    monkeypatch.setattr(recording_events, "MAX_STREAM_S", 0.1)
    monkeypatch.setattr(recording_events, "POLL_S", 0.02)


@pytest.fixture(scope="module")
def things(make_club: Callable[[], Club], parts: PartsForTests) -> Things:
    return Things(club=make_club(), parts=parts)


@pytest.fixture(scope="module")
def with_key(address: str, things: Things, parts: PartsForTests) -> Iterator[Contract]:
    contract = Contract(address=address, things=things, key=make_key(parts, things.club.principal))
    yield contract
    sys.stderr.write(f"\n{contract.n_operations} operations, {contract.n_cases} requests with a key\n")


@pytest.fixture(scope="module")
def without_key(address: str, things: Things) -> Iterator[Contract]:
    contract = Contract(address=address, things=things, key=None, borders=N_EXAMPLES > 10)
    yield contract
    sys.stderr.write(f"\n{contract.n_operations} operations, {contract.n_cases} requests by nobody\n")


@pytest.mark.parametrize("operation", operations(), ids=str)
def test_operation_when_asked_with_a_key_then_answers_as_described(
    with_key: Contract, operation: Operation
) -> None:
    expect_none(with_key, operation)


@pytest.mark.parametrize("operation", operations(), ids=str)
def test_operation_when_asked_by_nobody_then_answers_as_described(
    without_key: Contract, operation: Operation
) -> None:
    expect_none(without_key, operation)


def expect_none(contract: Contract, operation: Operation) -> None:
    findings = contract.check(operation)
    told = "\n\n".join(map(str, findings))
    assert not findings, f"{operation} answers otherwise than docs/openapi.json says:\n\n{told}"
