"""what an organisation may have"""

import sqlalchemy as sa
from alembic import op

from migrations.policies import protect

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

USAGE = """
CREATE FUNCTION organisation_usage(
    OUT stored_bytes bigint, OUT recordings_a_month bigint, OUT open_uploads bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH asked AS (SELECT nullif(current_setting('app.org_id', true), '')::uuid AS id)
    SELECT (SELECT coalesce(sum(r.size_bytes), 0)::bigint FROM public.recording r, asked
             WHERE r.organisation_id = asked.id AND r.original_deleted_at IS NULL AND r.state <> 'purged'),
           (SELECT count(*) FROM public.recording r, asked
             WHERE r.organisation_id = asked.id AND r.created_at >= date_trunc('month', now(), 'UTC')),
           (SELECT count(*) FROM public.capture c, asked
             WHERE c.organisation_id = asked.id AND c.outcome IS NULL AND c.expires_at > now())
$$"""


def upgrade() -> None:
    op.create_table(
        "organisation_quota",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("stored_bytes", sa.BigInteger(), nullable=True),
        sa.Column("recordings_a_month", sa.Integer(), nullable=True),
        sa.Column("open_uploads", sa.Integer(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "stored_bytes >= 0 AND recordings_a_month >= 0 AND open_uploads >= 0",
            name=op.f("ck_organisation_quota_not_negative"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_organisation_quota_organisation"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_organisation_quota")),
    )
    protect("organisation_quota", "SELECT, INSERT, UPDATE")
    # What is counted is the organisation's, whoever asks: limits bind the login of the app, not the owner of the
    # functions that count. So a place in line counts everybody, too.
    for table in ("recording", "capture"):
        op.execute(f"ALTER POLICY limited ON {table} TO plumbline_app")
    op.execute("CREATE POLICY owner_looks ON capture FOR SELECT TO CURRENT_USER USING (true)")
    op.execute(USAGE)
    op.execute("REVOKE EXECUTE ON FUNCTION organisation_usage() FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION organisation_usage() TO plumbline_app")


def downgrade() -> None:
    op.execute("DROP FUNCTION organisation_usage()")
    op.execute("DROP POLICY owner_looks ON capture")
    for table in ("recording", "capture"):
        op.execute(f"ALTER POLICY limited ON {table} TO PUBLIC")
    op.drop_table("organisation_quota")
