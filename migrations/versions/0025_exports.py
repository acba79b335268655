"""exports made in the background"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.policies import LIMITED_TO, limit_where, protect

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

DUE_EXPORTS = """
CREATE FUNCTION due_exports(resend_after_s double precision, max_rows integer)
RETURNS TABLE (organisation_id uuid, export_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT e.organisation_id, e.id FROM public.export_job e
     WHERE (e.state IN ('queued', 'working') AND (e.lease_until IS NULL OR e.lease_until < now())
            AND (e.sent_at IS NULL OR e.sent_at < now() - make_interval(secs => resend_after_s)))
        OR (e.state = 'ready' AND e.expires_at < now())
        OR (e.state IN ('expired', 'failed', 'removed', 'withdrawn') AND e.blob_key IS NOT NULL)
     LIMIT max_rows
$$"""


def upgrade() -> None:
    op.create_table(
        "export_job",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("format", sa.String(length=32), nullable=False),
        sa.Column("wanted", JSONB(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("n_analyses", sa.Integer(), nullable=True),
        sa.Column("n_done", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("n_rows", sa.BigInteger(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("blob_key", sa.Text(), nullable=True),
        sa.Column("holds_athletes", sa.ARRAY(sa.Uuid()), nullable=True),
        sa.Column("holds_recordings", sa.ARRAY(sa.Uuid()), nullable=True),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.String(length=32)), nullable=True),
        sa.Column("limited_to", sa.Uuid(), nullable=True),
        sa.Column("actor_user_id", sa.Uuid(), nullable=True),
        sa.Column("actor_api_key_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_export_job_organisation"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export_job")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_export_job_organisation_id_id")),
    )
    for name, columns, condition in (
        ("ix_export_job_open", ["sent_at"], "state IN ('queued', 'working')"),
        (
            "ix_export_job_leftover",
            ["organisation_id"],
            "blob_key IS NOT NULL AND state IN ('expired', 'failed', 'removed', 'withdrawn')",
        ),
        ("ix_export_job_ready", ["expires_at"], "state = 'ready'"),
    ):
        op.create_index(name, "export_job", columns, postgresql_where=sa.text(condition))
    protect("export_job", "SELECT, INSERT, UPDATE, DELETE")
    # A file holds what whoever asked for it might see; other limited members might see less.
    limit_where("export_job", f"export_job.limited_to = {LIMITED_TO}")
    # The function runs as the owner, whom FORCE blinds like everybody else; it may look, no more.
    op.execute("CREATE POLICY owner_looks ON export_job FOR SELECT TO CURRENT_USER USING (true)")
    op.execute(DUE_EXPORTS)
    op.execute("REVOKE EXECUTE ON FUNCTION due_exports(double precision, integer) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION due_exports(double precision, integer) TO plumbline_app")


def downgrade() -> None:
    op.execute("DROP FUNCTION due_exports(double precision, integer)")
    op.drop_table("export_job")
