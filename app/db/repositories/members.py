"""Members of one organisation: what they are and how much of it they see."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, exists, func, insert, select, text, tuple_, update
from sqlalchemy.orm import Session

from app.db.models import (
    Athlete,
    AthleteLink,
    LoginSession,
    Membership,
    Passkey,
    Team,
    TeamLimit,
    UserAccount,
)
from app.domain.access import Role

MemberKey = tuple[str, UUID]
"""Where a list of members goes on: the last one's address and id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRow:
    """A member with their account."""

    user_id: UUID
    email: str
    display_name: str
    role: Role
    is_limited: bool
    member_since: datetime
    last_seen_at: datetime | None
    has_second_factor: bool


class MemberRepository:
    """Members of one organisation."""

    def __init__(self, session: Session) -> None:
        """Work through the unit of work's session."""
        self._session = session

    def list_by_email(
        self, *, organisation_id: UUID, after: MemberKey | None, limit: int, user_id: UUID | None = None
    ) -> list[MemberRow]:
        """Return members by address, all or one."""
        seen = (
            select(func.max(LoginSession.last_seen_at))
            .where(
                LoginSession.organisation_id == organisation_id,
                LoginSession.user_id == Membership.user_id,
            )
            .correlate(Membership)
            .scalar_subquery()
        )
        passkeys = exists().where(Passkey.user_id == UserAccount.id)
        query = (
            select(UserAccount, Membership, seen, passkeys)
            .join(UserAccount, UserAccount.id == Membership.user_id)
            .where(Membership.organisation_id == organisation_id)
        )
        if user_id is not None:
            query = query.where(Membership.user_id == user_id)
        if after is not None:
            query = query.where(tuple_(UserAccount.email, UserAccount.id) > after)
        rows = self._session.execute(query.order_by(UserAccount.email, UserAccount.id).limit(limit))
        return [
            MemberRow(
                user_id=user.id,
                email=user.email,
                display_name=user.display_name,
                role=membership.role,
                is_limited=membership.is_limited,
                member_since=membership.created_at,
                last_seen_at=last_seen_at,
                has_second_factor=user.totp_since is not None or has_passkey,
            )
            for user, membership, last_seen_at, has_passkey in rows
        ]

    def hold_owners(self, *, organisation_id: UUID) -> set[UUID]:
        """Return the owners, held for this transaction, so that two of them cannot both be the last to go."""
        owners = (
            select(Membership.user_id)
            .where(Membership.organisation_id == organisation_id, Membership.role == Role.OWNER)
            .order_by(Membership.user_id)
            .with_for_update()
        )
        return set(self._session.scalars(owners))

    def change(self, *, organisation_id: UUID, user_id: UUID, role: Role, is_limited: bool) -> None:
        """Set what a member is."""
        self._session.execute(
            update(Membership)
            .where(Membership.organisation_id == organisation_id, Membership.user_id == user_id)
            .values(role=role, is_limited=is_limited)
        )

    def remove(self, *, organisation_id: UUID, user_id: UUID) -> None:
        """End a membership, its limits and its logins; the account stays."""
        self.set_limits(organisation_id=organisation_id, subject_id=user_id, team_ids=(), athlete_ids=())
        mine = (LoginSession.organisation_id == organisation_id, LoginSession.user_id == user_id)
        self._session.execute(
            update(LoginSession).where(*mine, LoginSession.revoked_at.is_(None)).values(revoked_at=func.now())
        )
        self._session.execute(
            delete(Membership).where(
                Membership.organisation_id == organisation_id, Membership.user_id == user_id
            )
        )

    def set_limits(
        self,
        *,
        organisation_id: UUID,
        subject_id: UUID,
        team_ids: Collection[UUID],
        athlete_ids: Collection[UUID],
    ) -> None:
        """Say which teams and athletes a limited member or key sees, instead of those before."""
        for table in (TeamLimit, AthleteLink):
            self._session.execute(
                delete(table).where(table.organisation_id == organisation_id, table.subject_id == subject_id)
            )
        owned = {"organisation_id": organisation_id, "subject_id": subject_id}
        if team_ids:
            self._session.execute(insert(TeamLimit), [owned | {"team_id": each} for each in sorted(team_ids)])
        if athlete_ids:
            links = [owned | {"athlete_id": each} for each in sorted(athlete_ids)]
            self._session.execute(insert(AthleteLink), links)

    def limits_of(self, *, organisation_id: UUID, subject_ids: Collection[UUID]) -> dict[UUID, set[UUID]]:
        """Return the teams each of these limited members or keys sees."""
        return self._by_subject(TeamLimit, organisation_id, subject_ids)

    def links_of(self, *, organisation_id: UUID, subject_ids: Collection[UUID]) -> dict[UUID, set[UUID]]:
        """Return the athletes each of these logins is linked to."""
        return self._by_subject(AthleteLink, organisation_id, subject_ids)

    def known_team_ids(self, *, organisation_id: UUID, team_ids: Collection[UUID]) -> set[UUID]:
        """Return those of the ids that are teams of this organisation; none of them is removed before the end."""
        query = select(Team.id).where(Team.organisation_id == organisation_id, Team.id.in_(team_ids))
        held = query.order_by(Team.id).with_for_update(read=True, key_share=True)
        return set(self._session.scalars(held))

    def known_athlete_ids(self, *, organisation_id: UUID, athlete_ids: Collection[UUID]) -> set[UUID]:
        """Return those of the ids that are athletes of this organisation."""
        query = select(Athlete.id).where(
            Athlete.organisation_id == organisation_id, Athlete.id.in_(athlete_ids)
        )
        return set(self._session.scalars(query))

    def linked_to_alone(self, *, organisation_id: UUID, athlete_id: UUID) -> list[UUID]:
        """Return the users who are here for this athlete's results and nobody else's."""
        of_user = (
            AthleteLink.organisation_id == Membership.organisation_id,
            AthleteLink.subject_id == Membership.user_id,
        )
        query = select(Membership.user_id).where(
            Membership.organisation_id == organisation_id,
            Membership.role == Role.ATHLETE,
            exists().where(*of_user, AthleteLink.athlete_id == athlete_id),
            ~exists().where(*of_user, AthleteLink.athlete_id != athlete_id),
        )
        return list(self._session.scalars(query))

    def delete_account(self, *, organisation_id: UUID, user_id: UUID) -> None:
        """Remove an account with its logins and keys; one that is a member elsewhere is only no member here any more."""
        if self.n_memberships(user_id) > 1:
            self.remove(organisation_id=organisation_id, user_id=user_id)
            return
        self._session.execute(
            delete(UserAccount).where(UserAccount.id == user_id).execution_options(synchronize_session=False)
        )

    def n_memberships(self, user_id: UUID) -> int:
        """Return in how many organisations a user is."""
        found = self._session.scalar(text("SELECT n_memberships(CAST(:id AS uuid))"), {"id": str(user_id)})
        return int(found or 0)

    def _by_subject(
        self, table: type[TeamLimit | AthleteLink], organisation_id: UUID, subject_ids: Collection[UUID]
    ) -> dict[UUID, set[UUID]]:
        column = TeamLimit.team_id if table is TeamLimit else AthleteLink.athlete_id
        found: dict[UUID, set[UUID]] = {subject_id: set() for subject_id in subject_ids}
        rows = self._session.execute(
            select(table.subject_id, column).where(
                table.organisation_id == organisation_id, table.subject_id.in_(subject_ids)
            )
        )
        for subject_id, seen_id in rows:
            found[subject_id].add(seen_id)
        return found
