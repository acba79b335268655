"""An organisation's rules about privacy, and what people decided."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, func, insert, literal, or_, select, update
from sqlalchemy.dialects import postgresql

from app.db.engine import TenantSession
from app.db.models import Athlete, ConsentDecision, ConsentText, GuardianLink, PrivacySettings, Recording
from app.db.types import from_now, new_id
from app.domain.access import Principal
from app.domain.consent import ConsentRules, Decision, Withheld
from app.domain.lifecycle import RecordingState
from app.domain.privacy import PrivacyRules

_PLAIN = (
    "consent_text", "consent_text_version", "keep_original_days", "keep_pictures_days", "keep_measures_days",
    "numbers_only", "blur_faces", "drop_original_after_blur",
)  # fmt: skip


class PrivacyRepository:
    """An organisation's rules about privacy, and what people decided."""

    def __init__(self, session: TenantSession) -> None:
        """Work through the unit of work's session."""
        self._session = session

    def rules(self, *, organisation_id: UUID) -> PrivacyRules:
        """Return the organisation's rules; those of one that decided nothing without any."""
        row = self._session.scalars(
            select(PrivacySettings)
            .where(PrivacySettings.organisation_id == organisation_id)
            .execution_options(populate_existing=True)
        ).one_or_none()
        if row is None:
            return PrivacyRules()
        return PrivacyRules(
            consent=ConsentRules(
                rule=row.consent_rule,
                age=row.consent_age,
                unknown_age_is_minor=row.unknown_age_is_minor,
                waiting_days=row.waiting_days,
            ),
            **{name: getattr(row, name) for name in _PLAIN},
        )

    def save_rules(self, rules: PrivacyRules, *, organisation_id: UUID) -> None:
        """Write the organisation's rules, and its text of this version word for word."""
        values = {
            "consent_rule": rules.consent.rule,
            "consent_age": rules.consent.age,
            "unknown_age_is_minor": rules.consent.unknown_age_is_minor,
            "waiting_days": rules.consent.waiting_days,
            "updated_at": func.now(),
            **{name: getattr(rules, name) for name in _PLAIN},
        }
        self._session.execute(
            postgresql.insert(PrivacySettings)
            .values(organisation_id=organisation_id, **values)
            .on_conflict_do_update(index_elements=["organisation_id"], set_=values)
        )
        if rules.consent_text is not None:
            self._session.execute(
                postgresql.insert(ConsentText)
                .values(
                    organisation_id=organisation_id,
                    version=rules.consent_text_version,
                    content=rules.consent_text,
                )
                .on_conflict_do_nothing()
            )

    def text(self, *, organisation_id: UUID, version: str) -> str | None:
        """Return a text of the organisation that was agreed to, or None."""
        return self._session.scalar(
            select(ConsentText.content).where(
                ConsentText.organisation_id == organisation_id, ConsentText.version == version
            )
        )

    def n_texts(self, *, organisation_id: UUID) -> int:
        """Return how many texts the organisation has had."""
        found = self._session.scalar(
            select(func.count()).where(ConsentText.organisation_id == organisation_id)
        )
        return int(found or 0)

    def add_decisions(
        self,
        decisions: Iterable[Decision],
        *,
        organisation_id: UUID,
        athlete_id: UUID,
        actor: Principal | None,
    ) -> None:
        """Write what somebody decided; the time is the database's."""
        rows = [
            {
                "id": new_id(),
                "organisation_id": organisation_id,
                "athlete_id": athlete_id,
                "actor_user_id": None if actor is None else actor.user_id,
                "actor_api_key_id": None if actor is None else actor.api_key_id,
                **{name: getattr(each, name) for name in Decision.__slots__ if name != "created_at"},
            }
            for each in decisions
        ]
        self._session.execute(insert(ConsentDecision), rows)

    def decisions(
        self, *, organisation_id: UUID, athlete_ids: Collection[UUID] | None = None
    ) -> dict[UUID, list[Decision]]:
        """Return what was decided for these athletes, or all, oldest first."""
        query = select(ConsentDecision).where(ConsentDecision.organisation_id == organisation_id)
        if athlete_ids is not None:
            query = query.where(ConsentDecision.athlete_id == _any(athlete_ids))
        found: dict[UUID, list[Decision]] = defaultdict(list)
        for row in self._session.scalars(query.order_by(ConsentDecision.created_at, ConsentDecision.id)):
            found[row.athlete_id].append(
                Decision(**{name: getattr(row, name) for name in Decision.__slots__})
            )
        return found

    def births(
        self, *, organisation_id: UUID, athlete_ids: Collection[UUID] | None = None
    ) -> dict[UUID, date | None]:
        """Return when these athletes, or all, were born."""
        query = select(Athlete.id, Athlete.date_of_birth).where(Athlete.organisation_id == organisation_id)
        if athlete_ids is not None:
            query = query.where(Athlete.id == _any(athlete_ids))
        return {row.id: row.date_of_birth for row in self._session.execute(query)}

    def give_decisions(self, *, organisation_id: UUID, from_id: UUID, to_id: UUID) -> None:
        """Move what was decided to the record that another is merged into; links end."""
        for model in (ConsentDecision, GuardianLink):
            self._session.execute(
                update(model)
                .where(model.organisation_id == organisation_id, model.athlete_id == from_id)
                .values(athlete_id=to_id)
                .execution_options(synchronize_session=False)
            )

    def recordings_of(
        self, *, organisation_id: UUID, athlete_ids: Collection[UUID]
    ) -> list[tuple[UUID, UUID, RecordingState, Withheld]]:
        """Return these athletes' recordings: id, whose, state, from whom results are kept. Held for the transaction."""
        rows = self._session.execute(
            select(Recording.id, Recording.athlete_id, Recording.state, Recording.withheld)
            .where(
                Recording.organisation_id == organisation_id,
                Recording.athlete_id == _any(athlete_ids),
                Recording.state != RecordingState.PURGED,
            )
            .order_by(Recording.id)
            .with_for_update()
        )
        return [(row.id, row.athlete_id, row.state, Withheld(row.withheld)) for row in rows]

    def recordings_of_nobody(
        self, *, organisation_id: UUID, states: Collection[RecordingState], unlike: Withheld
    ) -> list[tuple[UUID, RecordingState, Withheld]]:
        """Return what is in the inbox in one of these states or kept from others: id, state, from whom.

        Held for the transaction, and nothing else of the inbox is: a worker may be at it.
        """
        rows = self._session.execute(
            select(Recording.id, Recording.state, Recording.withheld)
            .where(
                Recording.organisation_id == organisation_id,
                Recording.athlete_id.is_(None),
                Recording.state != RecordingState.PURGED,
                or_(Recording.state.in_(states), Recording.withheld != int(unlike)),
            )
            .order_by(Recording.id)
            .with_for_update()
        )
        return [(row.id, row.state, Withheld(row.withheld)) for row in rows]

    def withhold(self, *, recording_ids: Collection[UUID], withheld: Withheld) -> None:
        """Keep the results of these recordings from somebody, or from nobody any more."""
        since = func.now() if withheld is Withheld.FROM_EVERYBODY else None
        self._session.execute(
            update(Recording)
            .where(self._session.own(Recording), Recording.id == _any(recording_ids))
            .values(withheld=int(withheld), withheld_since=since, updated_at=func.now())
            .execution_options(synchronize_session=False)
        )

    def add_link(
        self,
        *,
        organisation_id: UUID,
        athlete_id: UUID,
        token_sha256: bytes,
        created_by: UUID | None,
        lifetime_s: float,
    ) -> tuple[UUID, datetime]:
        """Insert a link and return its id and its end."""
        row = self._session.execute(
            insert(GuardianLink)
            .values(
                id=new_id(),
                organisation_id=organisation_id,
                athlete_id=athlete_id,
                token_sha256=token_sha256,
                created_by=created_by,
                expires_at=from_now(lifetime_s),
            )
            .returning(GuardianLink.id, GuardianLink.expires_at)
        ).one()
        return row.id, row.expires_at

    def find_link(self, *, organisation_id: UUID, token_sha256: bytes) -> GuardianLink | None:
        """Return the link of this token if it still opens, held for this transaction."""
        return self._session.scalars(
            select(GuardianLink)
            .where(
                GuardianLink.organisation_id == organisation_id,
                GuardianLink.token_sha256 == token_sha256,
                GuardianLink.used_at.is_(None),
                GuardianLink.expires_at > func.now(),
            )
            .with_for_update()
        ).one_or_none()

    def spend_links(self, *, organisation_id: UUID, athlete_id: UUID) -> None:
        """End every link that decides for this athlete."""
        self._session.execute(
            update(GuardianLink)
            .where(
                GuardianLink.organisation_id == organisation_id,
                GuardianLink.athlete_id == athlete_id,
                GuardianLink.used_at.is_(None),
            )
            .values(used_at=func.now())
            .execution_options(synchronize_session=False)
        )

    def spend_link(self, link_id: UUID) -> None:
        """End one link."""
        self._session.execute(
            update(GuardianLink)
            .where(self._session.own(GuardianLink), GuardianLink.id == link_id)
            .values(used_at=func.now())
        )


def _any(ids: Collection[UUID]) -> object:
    return any_(literal(list(ids), ARRAY(Uuid())))
