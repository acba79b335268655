"""recordings that are announced before their file comes"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.policies import limit, protect

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "capture",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("athlete_id", sa.Uuid(), nullable=True),
        sa.Column("movement", sa.String(length=32), nullable=False),
        sa.Column("view", sa.String(length=32), nullable=False),
        sa.Column("box_height_cm", sa.Double(), nullable=True),
        sa.Column("screened_on", sa.Date(), nullable=False),
        sa.Column("context", sa.String(length=32), nullable=False),
        sa.Column("trial_id", sa.Uuid(), nullable=True),
        sa.Column("trial_number", sa.SmallInteger(), nullable=True),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("client_ref", sa.Text(), nullable=True),
        sa.Column("received_bytes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=True),
        sa.Column("recording_id", sa.Uuid(), nullable=True),
        sa.Column("problem", postgresql.JSONB(), nullable=True),
        sa.Column("actor_user_id", sa.Uuid(), nullable=True),
        sa.Column("actor_api_key_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("size_bytes > 0", name=op.f("ck_capture_size_positive")),
        sa.CheckConstraint(
            "received_bytes >= 0 AND (size_bytes IS NULL OR received_bytes <= size_bytes)",
            name=op.f("ck_capture_received_within"),
        ),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_capture_sha256_hex")),
        sa.CheckConstraint(
            "(outcome IS NOT DISTINCT FROM 'received') = (recording_id IS NOT NULL)",
            name=op.f("ck_capture_received_is_recording"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_capture_organisation"),
            ondelete="RESTRICT",
        ),
        *(
            sa.ForeignKeyConstraint(
                ["organisation_id", f"{parent}_id"],
                [f"{parent}.organisation_id", f"{parent}.id"],
                name=op.f(f"fk_capture_{parent}"),
                ondelete="CASCADE",
            )
            for parent in ("athlete", "recording")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_capture")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_capture_organisation_id_id")),
    )
    op.create_index(
        "ix_capture_newest", "capture", ["organisation_id", sa.text("created_at DESC"), sa.text("id DESC")]
    )
    for column in ("client_ref", "sha256", "athlete_id", "recording_id"):
        op.create_index(op.f(f"ix_capture_organisation_id_{column}"), "capture", ["organisation_id", column])
    op.create_index(
        "ix_capture_open",
        "capture",
        ["organisation_id", "expires_at"],
        postgresql_where=sa.text("outcome IS NULL"),
    )
    op.create_index(op.f("ix_recording_organisation_id_sha256"), "recording", ["organisation_id", "sha256"])
    protect("capture", "SELECT, INSERT, UPDATE, DELETE")
    limit("capture", "athlete_id", "athlete")


def downgrade() -> None:
    op.drop_index(op.f("ix_recording_organisation_id_sha256"), "recording")
    op.drop_table("capture")
