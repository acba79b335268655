"""re-analyses with a new version of the method"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.policies import limit, protect

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

DUE_REANALYSES = """
CREATE FUNCTION due_reanalyses(resend_after_s double precision, max_rows integer)
RETURNS TABLE (organisation_id uuid, reanalysis_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT r.organisation_id, r.id FROM public.reanalysis r
     WHERE r.state IN ('previewing', 'accepting') AND (r.lease_until IS NULL OR r.lease_until < now())
       AND (r.sent_at IS NULL OR r.sent_at < now() - make_interval(secs => resend_after_s))
     ORDER BY r.sent_at LIMIT max_rows
$$"""


def upgrade() -> None:
    op.create_table(
        "reanalysis",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("method_version", sa.Text(), nullable=False),
        sa.Column("model_sha256", sa.String(length=64), nullable=False),
        sa.Column("code_version", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("n_current", sa.Integer(), nullable=False),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("actor_user_id", sa.Uuid(), nullable=True),
        sa.Column("actor_api_key_id", sa.Uuid(), nullable=True),
        sa.Column("idempotency_key", sa.String(length=255), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "state IN ('previewing', 'accepting') OR lease_token IS NULL",
            name=op.f("ck_reanalysis_lease_while_working"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_reanalysis_organisation"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "team_id"],
            ["team.organisation_id", "team.id"],
            name=op.f("fk_reanalysis_team"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reanalysis")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_reanalysis_organisation_id_id")),
    )
    op.create_index(
        "uq_reanalysis_open",
        "reanalysis",
        ["organisation_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('previewing', 'ready', 'accepting')"),
    )
    op.create_index(
        "ix_reanalysis_working",
        "reanalysis",
        ["sent_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('previewing', 'accepting')"),
    )
    op.create_table(
        "reanalysis_item",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("reanalysis_id", sa.Uuid(), nullable=False),
        sa.Column("recording_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("route", sa.String(length=32), nullable=True),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("attempt", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("track_key", sa.Text(), nullable=True),
        sa.Column("before", JSONB(), nullable=True),
        sa.Column("after", JSONB(), nullable=True),
        sa.Column("analysis_id", sa.Uuid(), nullable=True),
        _belongs_to("reanalysis"),
        _belongs_to("recording"),
        sa.PrimaryKeyConstraint(
            "organisation_id", "reanalysis_id", "recording_id", name=op.f("pk_reanalysis_item")
        ),
    )
    op.create_index(
        op.f("ix_reanalysis_item_organisation_id_recording_id"),
        "reanalysis_item",
        ["organisation_id", "recording_id"],
        unique=False,
    )
    for table in ("reanalysis", "reanalysis_item"):
        protect(table, "SELECT, INSERT, UPDATE, DELETE")
    # One of the whole organisation has no team: it is for those who see everybody it changes.
    limit("reanalysis", "team_id", "team")
    limit("reanalysis_item", "recording_id", "recording")
    # The function runs as the owner, whom FORCE blinds like everybody else; it may look, no more.
    op.execute("CREATE POLICY owner_looks ON reanalysis FOR SELECT TO CURRENT_USER USING (true)")
    op.execute(DUE_REANALYSES)
    op.execute("REVOKE EXECUTE ON FUNCTION due_reanalyses(double precision, integer) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION due_reanalyses(double precision, integer) TO plumbline_app")


def downgrade() -> None:
    op.execute("DROP FUNCTION due_reanalyses(double precision, integer)")
    op.drop_table("reanalysis_item")
    op.drop_table("reanalysis")


def _belongs_to(parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organisation_id", f"{parent}_id"],
        [f"{parent}.organisation_id", f"{parent}.id"],
        name=op.f(f"fk_reanalysis_item_{parent}"),
        ondelete="CASCADE",
    )
