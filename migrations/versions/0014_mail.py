"""letters that wait for a mail server"""

import sqlalchemy as sa
from alembic import op

from migrations.policies import protect

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

DUE_MAIL = """
CREATE FUNCTION due_mail(max_rows integer)
RETURNS TABLE (organisation_id uuid, mail_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT m.organisation_id, m.id FROM public.outgoing_mail m
     WHERE m.ended_at IS NULL AND m.due_at <= now()
     ORDER BY m.due_at LIMIT max_rows
$$"""


def upgrade() -> None:
    op.create_table(
        "outgoing_mail",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("n_attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("good_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("outcome", sa.String(length=32), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_outgoing_mail_organisation"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing_mail")),
    )
    op.create_index(
        "ix_outgoing_mail_waiting",
        "outgoing_mail",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    protect("outgoing_mail", "SELECT, INSERT, UPDATE, DELETE")
    # The function runs as the owner, whom FORCE blinds like everybody else; it may look, no more.
    op.execute("CREATE POLICY owner_looks ON outgoing_mail FOR SELECT TO CURRENT_USER USING (true)")
    op.execute(DUE_MAIL)
    op.execute("REVOKE EXECUTE ON FUNCTION due_mail(integer) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION due_mail(integer) TO plumbline_app")


def downgrade() -> None:
    op.execute("DROP FUNCTION due_mail(integer)")
    op.drop_table("outgoing_mail")
