"""what a repeated request was answered"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("idempotency_key", "recording_id", existing_type=sa.Uuid(), nullable=True)
    op.add_column("idempotency_key", sa.Column("status", sa.SmallInteger(), nullable=True))
    op.add_column("idempotency_key", sa.Column("headers", postgresql.JSONB(), nullable=True))
    op.add_column("idempotency_key", sa.Column("body", sa.LargeBinary(), nullable=True))
    op.create_check_constraint(
        op.f("ck_idempotency_key_recording_or_answer"),
        "idempotency_key",
        "(recording_id IS NULL) = (status IS NOT NULL)",
    )
    op.create_index(
        op.f("ix_idempotency_key_organisation_id_created_at"),
        "idempotency_key",
        ["organisation_id", "created_at"],
    )
    # a body that may tell of somebody who was erased
    op.execute("GRANT UPDATE (body) ON idempotency_key TO plumbline_app")


def downgrade() -> None:
    op.execute("REVOKE UPDATE (body) ON idempotency_key FROM plumbline_app")
    op.drop_index(op.f("ix_idempotency_key_organisation_id_created_at"), "idempotency_key")
    op.drop_constraint(op.f("ck_idempotency_key_recording_or_answer"), "idempotency_key")
    op.execute("ALTER TABLE idempotency_key NO FORCE ROW LEVEL SECURITY")
    op.execute("DELETE FROM idempotency_key WHERE recording_id IS NULL")
    op.execute("ALTER TABLE idempotency_key FORCE ROW LEVEL SECURITY")
    for name in ("body", "headers", "status"):
        op.drop_column("idempotency_key", name)
    op.alter_column("idempotency_key", "recording_id", existing_type=sa.Uuid(), nullable=False)
