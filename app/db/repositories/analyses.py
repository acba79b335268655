"""Queries on analyses."""

from sqlalchemy.orm import Session


class AnalysisRepository:
    """Queries on analyses, within one unit of work."""

    def __init__(self, session: Session) -> None:
        """Work through the unit of work's session."""
        self._session = session
