"""corrections by hand"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

CURRENT_ORGANISATION = "(SELECT nullif(current_setting('app.org_id', true), '')::uuid)"
TABLES = ("correction", "correction_undo", "analysis_correction")


def upgrade() -> None:
    op.add_column("recording", sa.Column("dropped_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("analysis", sa.Column("source_track_key", sa.Text(), nullable=True))
    op.add_column(
        "analysis",
        sa.Column("origin", sa.String(length=32), server_default=sa.text("'video'"), nullable=False),
    )
    op.add_column("analysis", sa.Column("supersedes_id", sa.Uuid(), nullable=True))
    op.add_column("analysis", sa.Column("pick_id", sa.Uuid(), nullable=True))
    op.create_table(
        "correction",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("recording_id", sa.Uuid(), nullable=False),
        sa.Column("analysis_id", sa.Uuid(), nullable=False),
        sa.Column("pick_id", sa.Uuid(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("before", JSONB(), nullable=False),
        sa.Column("after", JSONB(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("actor_user_id", sa.Uuid(), nullable=True),
        sa.Column("actor_api_key_id", sa.Uuid(), nullable=True),
        sa.Column("idempotency_key", sa.String(length=255), nullable=True),
        sa.Column("request_sha256", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        _belongs_to("correction", "recording"),
        _belongs_to("correction", "analysis"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_correction_organisation_id_id")),
        sa.UniqueConstraint(
            "organisation_id",
            "recording_id",
            "position",
            name=op.f("uq_correction_organisation_id_recording_id_position"),
        ),
        sa.UniqueConstraint(
            "organisation_id", "idempotency_key", name=op.f("uq_correction_organisation_id_idempotency_key")
        ),
    )
    op.create_table(
        "correction_undo",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("correction_id", sa.Uuid(), nullable=False),
        sa.Column("actor_user_id", sa.Uuid(), nullable=True),
        sa.Column("actor_api_key_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        _belongs_to("correction_undo", "correction"),
        sa.PrimaryKeyConstraint("organisation_id", "correction_id", name=op.f("pk_correction_undo")),
    )
    op.create_table(
        "analysis_correction",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("analysis_id", sa.Uuid(), nullable=False),
        sa.Column("correction_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        _belongs_to("analysis_correction", "analysis"),
        _belongs_to("analysis_correction", "correction"),
        sa.PrimaryKeyConstraint(
            "organisation_id", "analysis_id", "correction_id", name=op.f("pk_analysis_correction")
        ),
    )
    op.create_index(
        op.f("ix_analysis_correction_organisation_id_correction_id"),
        "analysis_correction",
        ["organisation_id", "correction_id"],
        unique=False,
    )
    condition = f"organisation_id = {CURRENT_ORGANISATION}"
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} USING ({condition}) WITH CHECK ({condition})")
        # Written once, never changed.
        op.execute(f"GRANT SELECT, INSERT, DELETE ON {table} TO plumbline_app")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    for column in ("pick_id", "supersedes_id", "origin", "source_track_key"):
        op.drop_column("analysis", column)
    op.drop_column("recording", "dropped_at")


def _belongs_to(table: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organisation_id", f"{parent}_id"],
        [f"{parent}.organisation_id", f"{parent}.id"],
        name=op.f(f"fk_{table}_{parent}"),
        ondelete="CASCADE",
    )
