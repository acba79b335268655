"""The queue as the services see it. A message is only a hint: the database row is the job."""

from dataclasses import dataclass
from typing import Protocol

INTERACTIVE = "interactive"
"""A trainer is waiting."""
BULK = "bulk"
"""Imports and re-analysis."""
DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A named task with ids as its only arguments."""

    name: str
    args: tuple[str, ...] = ()
    queue: str = DEFAULT


class JobQueue(Protocol):
    """Where deferred jobs go after the unit of work has committed."""

    def send(self, job: Job) -> None:
        """Hand the job over; raise `QueueUnavailableError` when the broker cannot take it."""
        ...


class QueueUnavailableError(Exception):
    """The broker did not take the job. Nothing is lost: the sweeper sends it again."""
