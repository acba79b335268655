"""Queries on accounts."""

from sqlalchemy.orm import Session


class AccountRepository:
    """Queries on accounts, within one unit of work."""

    def __init__(self, session: Session) -> None:
        """Work through the unit of work's session."""
        self._session = session
