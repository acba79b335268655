"""short-lived tokens of OAuth2 clients"""

import sqlalchemy as sa
from alembic import op

from migrations.policies import protect

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_unique_constraint(op.f("uq_api_key_organisation_id_id"), "api_key", ["organisation_id", "id"])
    op.create_table(
        "access_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("api_key_id", sa.Uuid(), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.String(length=32)), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "api_key_id"],
            ["api_key.organisation_id", "api_key.id"],
            name=op.f("fk_access_token_api_key"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_token")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_access_token_token_sha256")),
    )
    op.create_index(
        op.f("ix_access_token_api_key_id_expires_at"),
        "access_token",
        ["api_key_id", "expires_at"],
        unique=False,
    )
    # a token is looked up before we know who holds it
    protect("access_token", "SELECT, INSERT, DELETE", while_nobody_is_known=True)


def downgrade() -> None:
    op.drop_table("access_token")
    op.drop_constraint(op.f("uq_api_key_organisation_id_id"), "api_key")
