"""The roster as a file of the same shape that importing takes: what is written here comes back unchanged."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.athletes import AthleteRecord
from app.domain.audit import Act
from app.integrations.roster_files import XLSX_TYPE, write_csv, write_xlsx
from app.services.roster import get_team

_PLAIN: Final = (
    "external_id", "sync_id", "name", "given_name", "family_name", "date_of_birth", "sex", "sport", "position", "level",
    "stature_cm", "mass_kg", "leg_dominance", "email", "phone",
)  # fmt: skip
_GUARDIANS: Final = tuple(
    (place, part) for place in (0, 1) for part in ("name", "relation", "email", "phone")
)


class RosterFormat(StrEnum):
    """A kind of file."""

    CSV = "csv"
    XLSX = "xlsx"


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterFile:
    """A file ready to be sent."""

    filename: str
    media_type: str
    chunks: Iterator[bytes]


def export_roster(
    *,
    uow: UnitOfWork,
    principal: Principal,
    file_format: RosterFormat,
    team_id: UUID | None = None,
    active: bool | None = None,
) -> RosterFile:
    """Return the roster, or one team of it; guardians and addresses included, so it needs the right to write it."""
    principal.require(Permission.ROSTER_WRITE)
    if team_id is not None:
        get_team(uow=uow, principal=principal, team_id=team_id)
    athletes = uow.athletes.load(organisation_id=principal.organisation_id).values()
    chosen = [
        each
        for each in sorted(athletes, key=lambda each: (each.name.casefold(), each.id))
        if (team_id is None or team_id in each.bibs) and (active is None or each.active is active)
    ]
    team_names = uow.athletes.team_names(organisation_id=principal.organisation_id)
    systems = sorted({system for each in chosen for system in each.external_ids})
    headers = [*_PLAIN, "active", "teams", "bib", *(f"id:{each}" for each in systems)]
    headers += [f"guardian{place + 1}_{part}" for place, part in _GUARDIANS]
    rows = [_row(each, systems=systems, team_names=team_names) for each in chosen]
    uow.audit.record(actor=principal, act=Act.ROSTER_EXPORTED, n_athletes=len(rows), format=file_format.value)
    if file_format is RosterFormat.XLSX:
        return RosterFile(
            filename="roster.xlsx", media_type=XLSX_TYPE, chunks=iter([write_xlsx(headers, rows)])
        )
    return RosterFile(
        filename="roster.csv", media_type="text/csv; charset=utf-8", chunks=write_csv(headers, rows)
    )


def _row(athlete: AthleteRecord, *, systems: list[str], team_names: Mapping[UUID, str]) -> list[str]:
    teams = sorted(athlete.bibs, key=lambda team_id: team_names[team_id].casefold())
    cells = [_text(getattr(athlete, name)) for name in _PLAIN]
    cells += [
        "yes" if athlete.active else "no",
        ";".join(team_names[team_id] for team_id in teams),
        ";".join(athlete.bibs[team_id] or "" for team_id in teams) if any(athlete.bibs.values()) else "",
    ]
    cells += [_text(athlete.external_ids.get(system)) for system in systems]
    for place, part in _GUARDIANS:
        guardian = athlete.guardians[place] if place < len(athlete.guardians) else None
        cells.append("" if guardian is None else _text(getattr(guardian, part)))
    return cells


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)
