"""The service does what docs/openapi.json says, and nothing else, whoever asks and whatever is sent.

Every operation of the description is asked within its schema, at the borders of each value and outside, by somebody
who may do everything and by nobody. Whoever adds a route is in by that alone. `make fuzz` asks far more.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from uuid import UUID

import pytest

from app.api.v1 import recording_events
from app.jobs.memory_queue import MemoryQueue
from app.jobs.names import ERASE_ATHLETE
from app.jobs.queue import Job
from app.services.erasure import run_erasure
from tests.api.conftest import Club, make_key
from tests.api.contract import N_EXAMPLES, Contract, Finding, Operation, operations
from tests.api.support import PartsForTests
from tests.api.test_matrix import PatientLimiter
from tests.api.things import Things


class ErasingQueue(MemoryQueue):
    """Does erasures as soon as they are asked for, as a worker would a moment later: gone is gone from then on."""

    parts: PartsForTests | None = None

    def send(self, job: Job) -> None:
        super().send(job)
        if job.name == ERASE_ATHLETE and self.parts is not None:
            erasure_id, organisation_id = map(UUID, job.args)
            run_erasure(
                uow_factory=self.parts.uow_factory,
                places=self.parts.places,
                organisation_id=organisation_id,
                erasure_id=erasure_id,
            )


@pytest.fixture(scope="module")
def api_queue() -> ErasingQueue:
    return ErasingQueue()


@pytest.fixture(scope="module")
def parts(parts: PartsForTests, api_queue: ErasingQueue) -> PartsForTests:
    api_queue.parts = replace(parts, rate_limiter=PatientLimiter(None))
    return api_queue.parts


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
    assert_none(operation, with_key.check(operation))


@pytest.mark.parametrize("operation", operations(), ids=str)
def test_operation_when_asked_by_nobody_then_answers_as_described(
    without_key: Contract, operation: Operation
) -> None:
    assert_none(operation, without_key.check(operation))


def test_chains_when_asked_with_a_key_then_each_answer_fits_the_ones_before(with_key: Contract) -> None:
    assert_none("chains of requests", with_key.follow())
    assert with_key.n_cases > 100


def test_chains_when_asked_by_nobody_then_answered_as_described(without_key: Contract) -> None:
    assert_none("chains of requests", without_key.follow())


def assert_none(asked: object, findings: list[Finding]) -> None:
    told = "\n\n".join(map(str, findings))
    assert not findings, f"{asked} answered otherwise than docs/openapi.json says:\n\n{told}"
