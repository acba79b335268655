"""Whose screenings, trials and recordings are: moved, and put back exactly as they were.

A placement is the rows themselves as JSON, whatever columns they have, so that one that was removed because it
became empty comes back whole.
"""

import json
from collections.abc import Collection
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.domain.changes import Placement
from app.domain.screenings import ScreeningContext

_EMPTY = "NOT EXISTS (SELECT 1 FROM {child} c WHERE c.organisation_id = p.organisation_id AND c.{parent}_id = p.id)"


class PlacementRepository:
    """Whose screenings, trials and recordings of one organisation are."""

    def __init__(self, session: Session) -> None:
        """Work through the unit of work's session."""
        self._session = session

    def read(
        self,
        *,
        organisation_id: UUID,
        screening_ids: Collection[UUID] = (),
        athlete_ids: Collection[UUID] = (),
        recording_ids: Collection[UUID] = (),
    ) -> Placement:
        """Return these screenings with their trials, and the recordings of any of them, held for this transaction."""
        ids = {
            "organisation_id": organisation_id, "screenings": list(screening_ids),
            "athletes": list(athlete_ids), "recordings": list(recording_ids),
        }  # fmt: skip
        return {
            "screening": self._rows(
                "SELECT to_jsonb(s) FROM screening s WHERE s.organisation_id = :organisation_id"
                " AND s.id = ANY(:screenings) ORDER BY s.id FOR UPDATE", ids,
            ),
            "trial": self._rows(
                "SELECT to_jsonb(t) FROM trial t WHERE t.organisation_id = :organisation_id"
                " AND t.screening_id = ANY(:screenings) ORDER BY t.id FOR UPDATE", ids,
            ),
            "recording": self._rows(
                "SELECT jsonb_build_object('id', r.id, 'athlete_id', r.athlete_id, 'trial_id', r.trial_id)"
                " FROM recording r WHERE r.organisation_id = :organisation_id AND (r.id = ANY(:recordings)"
                " OR r.athlete_id = ANY(:athletes) OR r.trial_id IN (SELECT t.id FROM trial t"
                " WHERE t.organisation_id = r.organisation_id AND t.screening_id = ANY(:screenings)))"
                " ORDER BY r.id FOR UPDATE", ids,
            ),
        }  # fmt: skip

    def screening_ids_of(self, *, organisation_id: UUID, athlete_id: UUID) -> list[UUID]:
        """Return the ids of an athlete's screenings, oldest first."""
        return list(
            self._session.scalars(
                text(
                    "SELECT id FROM screening WHERE organisation_id = :organisation_id AND athlete_id = :athlete_id"
                    " ORDER BY screened_on, id"
                ),
                {"organisation_id": organisation_id, "athlete_id": athlete_id},
            )
        )

    def find_screening(
        self, *, organisation_id: UUID, athlete_id: UUID, screened_on: date, context: ScreeningContext
    ) -> UUID | None:
        """Return the athlete's screening of that day and context, or None."""
        found: UUID | None = self._session.scalar(
            text(
                "SELECT id FROM screening WHERE organisation_id = :organisation_id AND athlete_id = :athlete_id"
                " AND screened_on = :screened_on AND context = :context"
            ),
            {"organisation_id": organisation_id, "athlete_id": athlete_id, "screened_on": screened_on,
             "context": context.value},
        )  # fmt: skip
        return found

    def give_screening(self, *, organisation_id: UUID, screening_id: UUID, athlete_id: UUID) -> None:
        """Make a screening, as it stands, somebody else's."""
        ids = {"organisation_id": organisation_id, "id": screening_id, "athlete_id": athlete_id}
        self._session.execute(
            text("UPDATE screening SET athlete_id = :athlete_id WHERE organisation_id = :organisation_id AND id = :id"),
            ids,
        )  # fmt: skip
        self._session.execute(
            text(
                "UPDATE recording r SET athlete_id = :athlete_id, updated_at = now() FROM trial t"
                " WHERE r.organisation_id = :organisation_id AND t.organisation_id = r.organisation_id"
                " AND t.id = r.trial_id AND t.screening_id = :id"
            ),
            ids,
        )

    def give_trial(
        self, *, organisation_id: UUID, trial_id: UUID, screening_id: UUID, athlete_id: UUID
    ) -> None:
        """Make a trial the next one of another screening; hold that screening."""
        ids = {"organisation_id": organisation_id, "id": trial_id, "screening_id": screening_id}
        self._session.execute(
            text(
                "UPDATE trial t SET screening_id = :screening_id, number = (SELECT coalesce(max(o.number), 0) + 1"
                " FROM trial o WHERE o.organisation_id = t.organisation_id AND o.screening_id = :screening_id"
                " AND o.movement = t.movement) WHERE t.organisation_id = :organisation_id AND t.id = :id"
            ),
            ids,
        )
        self._session.execute(
            text(
                "UPDATE recording SET athlete_id = :athlete_id, updated_at = now()"
                " WHERE organisation_id = :organisation_id AND trial_id = :id"
            ),
            {**ids, "athlete_id": athlete_id},
        )

    def give_recording(
        self, *, organisation_id: UUID, recording_id: UUID, trial_id: UUID | None, athlete_id: UUID | None
    ) -> None:
        """Hang a recording on a trial, or on none."""
        self._session.execute(
            text(
                "UPDATE recording SET athlete_id = :athlete_id, trial_id = :trial_id, updated_at = now()"
                " WHERE organisation_id = :organisation_id AND id = :id"
            ),
            {"organisation_id": organisation_id, "id": recording_id, "trial_id": trial_id, "athlete_id": athlete_id},
        )  # fmt: skip

    def remove_empty(self, *, organisation_id: UUID, screening_ids: Collection[UUID]) -> None:
        """Remove trials without a recording and screenings without a trial, of these screenings."""
        ids = {"organisation_id": organisation_id, "ids": list(screening_ids)}
        for table, own, child in (("trial", "screening_id", "recording"), ("screening", "id", "trial")):
            empty = _EMPTY.format(child=child, parent=table)
            self._session.execute(
                text(
                    f"DELETE FROM {table} p WHERE p.organisation_id = :organisation_id AND p.{own} = ANY(:ids)"  # noqa: S608  # names of this file
                    f" AND {empty}"
                ),
                ids,
            )

    def restore(self, *, organisation_id: UUID, before: Placement, after: Placement) -> None:
        """Put everything back; rows that the act made go, rows that it removed come back whole."""
        for table in ("screening", "trial"):
            for row in before[table]:
                self._put(table, row)
        for row in before["recording"]:
            self.give_recording(
                organisation_id=organisation_id,
                recording_id=UUID(row["id"]),
                trial_id=_id(row["trial_id"]),
                athlete_id=_id(row["athlete_id"]),
            )
        made = {row["id"] for row in after["screening"]} - {row["id"] for row in before["screening"]}
        touched = {row["screening_id"] for row in after["trial"]} | made
        self.remove_empty(organisation_id=organisation_id, screening_ids=[UUID(each) for each in touched])

    def _put(self, table: str, row: dict[str, Any]) -> None:
        """Insert the row, or give the one there is the columns that place it."""
        places = "athlete_id = EXCLUDED.athlete_id" if table == "screening" else (
            "screening_id = EXCLUDED.screening_id, number = EXCLUDED.number"
        )  # fmt: skip
        self._session.execute(
            text(
                f"INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, CAST(:row AS jsonb))"  # noqa: S608  # names of this file
                f" ON CONFLICT (id) DO UPDATE SET {places}"
            ),
            {"row": json.dumps(row)},
        )

    def _rows(self, sql: str, values: dict[str, Any]) -> list[dict[str, Any]]:
        return list(self._session.scalars(text(sql), values))


def _id(value: str | None) -> UUID | None:
    return None if value is None else UUID(value)
