"""identity providers of organisations"""

import sqlalchemy as sa
from alembic import op

from migrations.policies import protect

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def _organisation(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organisation_id"], ["organisation.id"], name=op.f(f"fk_{table}_organisation"), ondelete="RESTRICT"
    )


def upgrade() -> None:
    op.create_table(
        "identity_provider",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("email_domains", sa.ARRAY(sa.String(length=253)), nullable=False),
        sa.Column("default_role", sa.String(length=32), nullable=True),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        _organisation("identity_provider"),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_identity_provider")),
    )
    op.create_table(
        "provider_link",
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        _organisation("provider_link"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_provider_link_user_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("organisation_id", "issuer", "subject", name=op.f("pk_provider_link")),
    )
    op.create_index(op.f("ix_provider_link_user_id"), "provider_link", ["user_id"], unique=False)
    # somebody comes in by it before we know who they are
    protect("identity_provider", "SELECT, INSERT, UPDATE, DELETE", while_nobody_is_known=True)
    protect("provider_link", "SELECT, INSERT, DELETE", while_nobody_is_known=True)


def downgrade() -> None:
    op.drop_table("provider_link")
    op.drop_table("identity_provider")
