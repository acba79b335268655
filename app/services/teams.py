"""Teams changed, archived, removed, and who is in them. A recording belongs to its athlete: no act here touches one.

Every function takes an entered `UnitOfWork` made for ``principal.organisation_id``.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.db.repositories.roster import TeamUses
from app.db.unit_of_work import UnitOfWork
from app.domain.access import Permission, Principal
from app.domain.athletes import UNSET, AthleteChange, Unset
from app.domain.audit import Act
from app.domain.errors import StaleStateError
from app.domain.versions import ANY, Expected
from app.services import athletes
from app.services.checks import check_text
from app.services.read_models import AthleteDetail, TeamSummary
from app.services.roster import get_team, name_taken, no_team


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamChange:
    """What to write: UNSET leaves a field as it is, None clears it."""

    name: str | Unset = UNSET
    sport: str | Unset | None = UNSET
    season: str | Unset | None = UNSET
    archived: bool | Unset = UNSET

    def checked(self) -> dict[str, str | None]:
        """Return the texts that are asked about, cleaned; raise `InvalidInputError` naming the field."""
        asked = {name: getattr(self, name) for name in ("name", "sport", "season")}
        return {
            name: None if value is None else check_text(value, field=name)
            for name, value in asked.items()
            if not isinstance(value, Unset)
        }


def edit_team(
    *, uow: UnitOfWork, principal: Principal, team_id: UUID, change: TeamChange, expected: Expected = ANY
) -> TeamSummary:
    """Change a team, archive it or take it back; only in an expected version, else raise `PreconditionFailedError`."""
    principal.require(Permission.ROSTER_WRITE)
    texts = change.checked()
    before = _hold(uow, principal, team_id, expected=expected)
    values: dict[str, Any] = {name: value for name, value in texts.items() if getattr(before, name) != value}
    if isinstance(change.archived, bool) and change.archived != (before.archived_at is not None):
        values["archived_at"] = datetime.now(UTC) if change.archived else None
    if not values:
        return before
    if not uow.roster.change_team(organisation_id=principal.organisation_id, team_id=team_id, values=values):
        raise name_taken()
    uow.audit.record(
        actor=principal, act=Act.TEAM_CHANGED, object_id=team_id, fields=",".join(sorted(values))
    )
    return get_team(uow=uow, principal=principal, team_id=team_id)


def remove_team(*, uow: UnitOfWork, principal: Principal, team_id: UUID, expected: Expected = ANY) -> None:
    """Remove a team: its athletes stay on the roster with all they have, and are only in this team no more.

    Raises `StaleStateError` while something would lose its meaning with it: a screening day or re-analysis of it, a
    member, key or webhook that is limited to it.
    """
    principal.require(Permission.ROSTER_WRITE)
    organisation_id = principal.organisation_id
    uow.athletes.lock_roster(organisation_id=organisation_id)
    _hold(uow, principal, team_id, expected=expected)
    _check_unused(uow.roster.uses_of_team(organisation_id=organisation_id, team_id=team_id))
    ids = uow.roster.member_ids(organisation_id=organisation_id, team_id=team_id)
    people = uow.athletes.load(organisation_id=organisation_id, ids=ids)
    uow.athletes.save(
        organisation_id=organisation_id,
        savings=[
            (each, replace(each, bibs={of: bib for of, bib in each.bibs.items() if of != team_id}))
            for each in people.values()
        ],
    )
    uow.roster.remove_team(organisation_id=organisation_id, team_id=team_id)
    uow.audit.record(actor=principal, act=Act.TEAM_REMOVED, object_id=team_id, n_athletes=len(people))


def join_team(
    *,
    uow: UnitOfWork,
    principal: Principal,
    team_id: UUID,
    athlete_id: UUID,
    bib: str | Unset | None = UNSET,
    expected: Expected = ANY,
) -> AthleteDetail:
    """Put an athlete into a team, or give another bib there; the version is the athlete's."""
    principal.require(Permission.ROSTER_WRITE)
    uow.athletes.lock_roster(organisation_id=principal.organisation_id)
    get_team(uow=uow, principal=principal, team_id=team_id)
    if isinstance(bib, Unset):
        known = athletes.get_athlete(uow=uow, principal=principal, athlete_id=athlete_id)
        bib = known.record.bibs.get(team_id)
    return athletes.edit_athlete(
        uow=uow,
        principal=principal,
        athlete_id=athlete_id,
        change=AthleteChange(bibs={team_id: bib}),
        expected=expected,
    )


def leave_team(
    *, uow: UnitOfWork, principal: Principal, team_id: UUID, athlete_id: UUID, expected: Expected = ANY
) -> None:
    """Take an athlete out of a team; raise `NotFoundError` when they are not in it. The version is the athlete's."""
    principal.require(Permission.ROSTER_WRITE)
    get_team(uow=uow, principal=principal, team_id=team_id)
    athletes.leave_team(
        uow=uow, principal=principal, athlete_id=athlete_id, team_id=team_id, expected=expected
    )


def _hold(uow: UnitOfWork, principal: Principal, team_id: UUID, *, expected: Expected) -> TeamSummary:
    """Return a team in an expected version that nobody else can change any more."""
    if not uow.roster.hold_team(organisation_id=principal.organisation_id, team_id=team_id, to_change=True):
        raise no_team()
    team = get_team(uow=uow, principal=principal, team_id=team_id)
    expected.check(team.tag, what="The team")
    return team


def _check_unused(uses: TeamUses) -> None:
    if uses.n_limits:
        raise StaleStateError(
            f"{uses.n_limits} of your members, API keys or webhooks are limited to this team.",
            how_to_fix="Give them other limits or end them first, or archive the team: everything of it stays.",
        )
    if uses.n_days or uses.n_reanalyses:
        raise StaleStateError(
            "Screening days or re-analyses were made of this team, and would lose it.",
            how_to_fix="Archive the team instead: it is offered no more, and everything of it stays.",
        )
