"""Queries on roster."""

from sqlalchemy.orm import Session


class RosterRepository:
    """Queries on roster, within one unit of work."""

    def __init__(self, session: Session) -> None:
        """Work through the unit of work's session."""
        self._session = session
