"""a second factor at the sign-in, steps of a sign-in under way, what an organisation asks for"""

import sqlalchemy as sa
from alembic import op

from migrations.policies import CURRENT_ORGANISATION, protect

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("user_account", sa.Column("totp_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("user_account", sa.Column("totp_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("user_account", sa.Column("totp_last_step", sa.BigInteger(), nullable=True))
    op.add_column(
        "user_account",
        sa.Column(
            "recovery_sha256", sa.ARRAY(sa.LargeBinary()), server_default=sa.text("'{}'"), nullable=False
        ),
    )
    op.add_column("login_session", sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "login_session",
        sa.Column("method", sa.String(length=32), server_default=sa.text("'password'"), nullable=False),
    )
    op.add_column(
        "login_session",
        sa.Column("has_second_factor", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.create_table(
        "sign_in_policy",
        sa.Column("second_factor_roles", sa.ARRAY(sa.String(length=32)), nullable=False),
        sa.Column("second_factor_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_sign_in_policy_organisation"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_sign_in_policy")),
    )
    # whether a login holds is found out before we know whose it is
    protect("sign_in_policy", "SELECT, INSERT, UPDATE", while_nobody_is_known=True)
    op.create_table(
        "sign_in_step",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_sign_in_step_user_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_step")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_sign_in_step_token_sha256")),
    )
    op.create_index(op.f("ix_sign_in_step_user_id"), "sign_in_step", ["user_id"], unique=False)
    op.create_index(op.f("ix_sign_in_step_expires_at"), "sign_in_step", ["expires_at"], unique=False)
    # nobody is signed in by it yet, so no organisation ever sees one
    op.execute("ALTER TABLE sign_in_step ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE sign_in_step FORCE ROW LEVEL SECURITY")
    condition = f"{CURRENT_ORGANISATION} IS NULL"
    op.execute(f"CREATE POLICY tenant ON sign_in_step USING ({condition}) WITH CHECK ({condition})")
    op.execute("GRANT SELECT, INSERT, DELETE ON sign_in_step TO plumbline_app")


def downgrade() -> None:
    op.drop_table("sign_in_step")
    op.drop_table("sign_in_policy")
    for column in ("has_second_factor", "method", "confirmed_at"):
        op.drop_column("login_session", column)
    for column in ("recovery_sha256", "totp_last_step", "totp_since", "totp_sealed"):
        op.drop_column("user_account", column)
