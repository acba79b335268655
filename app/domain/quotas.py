"""How much an organisation may keep and send, so that one cannot take the room of all."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """What an organisation may have; None is no limit."""

    stored_bytes: int | None = None
    """Of original videos."""
    recordings_a_month: int | None = None
    """Taken in since the first of the month, UTC."""
    open_uploads: int | None = None
    """Announced and not here yet."""

    @property
    def are_open(self) -> bool:
        """Whether nothing is limited."""
        return (self.stored_bytes, self.recordings_a_month, self.open_uploads) == (None, None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What an organisation has now, whoever asks."""

    stored_bytes: int
    recordings_a_month: int
    open_uploads: int
