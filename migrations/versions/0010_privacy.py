"""consent, retention and erasure"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.policies import limit, protect

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SEES_WITHHELD = "(SELECT coalesce(nullif(current_setting('app.sees_withheld', true), '')::int, 0))"
TABLES = {
    "privacy_settings": "SELECT, INSERT, UPDATE",
    "consent_text": "SELECT, INSERT",
    "consent_decision": "SELECT, INSERT, UPDATE (athlete_id)",
    "guardian_link": "SELECT, INSERT, UPDATE, DELETE",
    "erasure": "SELECT, INSERT, UPDATE",
}
STATES = ("awaiting_upload", "received", "queued", "processing", "analysed", "rejected", "failed", "purged")


def _state_known(states: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_recording_state_known"), "recording", type_="check")
    names = ", ".join(f"'{state}'" for state in states)
    op.create_check_constraint(op.f("ck_recording_state_known"), "recording", f"state IN ({names})")


def upgrade() -> None:
    _state_known((*STATES[:2], "awaiting_consent", *STATES[2:]))
    op.add_column("recording", sa.Column("withheld", sa.SmallInteger(), server_default="0", nullable=False))
    for name in ("withheld_since", "original_deleted_at", "pictures_deleted_at"):
        op.add_column("recording", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_recording_withheld", "recording", ["id"], postgresql_where=sa.text("withheld > 0"))
    op.create_index(
        "ix_recording_with_original",
        "recording",
        ["organisation_id", "created_at"],
        postgresql_where=sa.text("original_deleted_at IS NULL"),
    )
    _create_rules()
    _create_decisions()
    _create_erasures()
    for table, privileges in TABLES.items():
        protect(table, privileges)
    for table in ("consent_decision", "guardian_link", "erasure"):
        limit(table, "athlete_id", "athlete")
    # Whatever reads results reads an analysis: where it may not be shown, there is none.
    condition = (
        "SELECT 1 FROM recording kept WHERE kept.id = analysis.recording_id AND kept.withheld > 0"  # noqa: S608  # a constant of this file
        f" AND kept.withheld > {SEES_WITHHELD}"  # a constant of this file
    )
    op.execute(
        f"CREATE POLICY withheld ON analysis AS RESTRICTIVE FOR SELECT USING (NOT EXISTS ({condition}))"
    )


def _create_rules() -> None:
    days = "waiting_days >= 0 AND keep_original_days >= 0 AND keep_pictures_days >= 0 AND keep_measures_days >= 0"
    op.create_table(
        "privacy_settings",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("consent_rule", sa.String(length=32), nullable=False),
        sa.Column("consent_age", sa.SmallInteger(), nullable=False),
        sa.Column("unknown_age_is_minor", sa.Boolean(), nullable=False),
        sa.Column("waiting_days", sa.Integer(), nullable=False),
        sa.Column("consent_text", sa.Text(), nullable=True),
        sa.Column("consent_text_version", sa.String(length=64), nullable=False),
        sa.Column("keep_original_days", sa.Integer(), nullable=True),
        sa.Column("keep_pictures_days", sa.Integer(), nullable=True),
        sa.Column("keep_measures_days", sa.Integer(), nullable=True),
        sa.Column("numbers_only", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("blur_faces", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("drop_original_after_blur", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("consent_age BETWEEN 0 AND 21", name=op.f("ck_privacy_settings_consent_age")),
        sa.CheckConstraint(days, name=op.f("ck_privacy_settings_days_not_negative")),
        _of_organisation("privacy_settings"),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_privacy_settings")),
    )
    op.create_table(
        "consent_text",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        _of_organisation("consent_text"),
        sa.PrimaryKeyConstraint("organisation_id", "version", name=op.f("pk_consent_text")),
    )


def _create_decisions() -> None:
    op.create_table(
        "consent_decision",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("athlete_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("given_by", sa.Text(), nullable=False),
        sa.Column("relation", sa.String(length=32), nullable=False),
        sa.Column("age_band", sa.String(length=32), nullable=False),
        sa.Column("text_version", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("actor_user_id", sa.Uuid(), nullable=True),
        sa.Column("actor_api_key_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        _of_athlete("consent_decision"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_decision")),
    )
    op.create_index(
        op.f("ix_consent_decision_organisation_id_athlete_id_id"),
        "consent_decision",
        ["organisation_id", "athlete_id", "id"],
    )
    op.create_table(
        "guardian_link",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("athlete_id", sa.Uuid(), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        _of_athlete("guardian_link"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guardian_link")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_guardian_link_token_sha256")),
    )
    op.create_index(
        op.f("ix_guardian_link_organisation_id_athlete_id"),
        "guardian_link",
        ["organisation_id", "athlete_id"],
    )


def _create_erasures() -> None:
    op.create_table(
        "erasure",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("athlete_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("recording_ids", postgresql.JSONB(), nullable=False),
        sa.Column("receipt", postgresql.JSONB(), nullable=False),
        sa.Column("actor_user_id", sa.Uuid(), nullable=True),
        sa.Column("actor_api_key_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        _of_organisation("erasure"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_erasure_organisation_id_id")),
    )
    op.create_index(
        op.f("ix_erasure_organisation_id_created_at_id"), "erasure", ["organisation_id", "created_at", "id"]
    )
    op.create_index(
        "ix_erasure_pending",
        "erasure",
        ["organisation_id"],
        postgresql_where=sa.text("completed_at IS NULL"),
    )


def _of_organisation(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organisation_id"], ["organisation.id"], name=op.f(f"fk_{table}_organisation"), ondelete="RESTRICT"
    )


def _of_athlete(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organisation_id", "athlete_id"],
        ["athlete.organisation_id", "athlete.id"],
        name=op.f(f"fk_{table}_athlete"),
        ondelete="CASCADE",
    )


def downgrade() -> None:
    op.execute("DROP POLICY withheld ON analysis")
    for table in reversed(list(TABLES)):
        op.drop_table(table)
    op.drop_index("ix_recording_with_original", "recording")
    op.drop_index("ix_recording_withheld", "recording")
    for name in ("withheld", "withheld_since", "original_deleted_at", "pictures_deleted_at"):
        op.drop_column("recording", name)
    op.execute("UPDATE recording SET state = 'received' WHERE state = 'awaiting_consent'")
    _state_known(STATES)
