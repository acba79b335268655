"""Queries on idempotency."""

from sqlalchemy.orm import Session


class IdempotencyRepository:
    """Queries on idempotency, within one unit of work."""

    def __init__(self, session: Session) -> None:
        """Work through the unit of work's session."""
        self._session = session
