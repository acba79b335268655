"""A queue that keeps its jobs in a list, for tests of what lies above it."""

from app.jobs.queue import Job, QueueUnavailableError


class MemoryQueue:
    """Remembers every job sent; can play dead."""

    def __init__(self, *, available: bool = True) -> None:
        """Start empty."""
        self.jobs: list[Job] = []
        self.available = available

    def send(self, job: Job) -> None:
        """Keep the job, or refuse it as a dead broker would."""
        if not self.available:
            msg = "the queue in memory was told to be unavailable"
            raise QueueUnavailableError(msg)
        self.jobs.append(job)
