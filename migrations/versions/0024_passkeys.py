"""passkeys"""

import sqlalchemy as sa
from alembic import op

from migrations.policies import CURRENT_ORGANISATION

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "passkey",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_synced", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_passkey_user_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkey")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkey_credential_id")),
    )
    op.create_index(op.f("ix_passkey_user_id"), "passkey", ["user_id"], unique=False)
    # A person's, like their account: seen while nobody is known, and by the organisations they are members of.
    op.execute("ALTER TABLE passkey ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE passkey FORCE ROW LEVEL SECURITY")
    condition = (
        f"{CURRENT_ORGANISATION} IS NULL OR EXISTS (SELECT 1 FROM membership m"  # noqa: S608  # constants
        f" WHERE m.user_id = passkey.user_id AND m.organisation_id = {CURRENT_ORGANISATION})"
    )
    op.execute(
        f"CREATE POLICY tenant ON passkey USING ({condition}) WITH CHECK ({CURRENT_ORGANISATION} IS NULL)"
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON passkey TO plumbline_app")


def downgrade() -> None:
    op.drop_table("passkey")
