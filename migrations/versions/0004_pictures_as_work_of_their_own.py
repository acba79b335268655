"""pictures as work of their own"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

CURRENT_ORGANISATION = "(SELECT nullif(current_setting('app.org_id', true), '')::uuid)"

DUE_PICTURES = """
CREATE FUNCTION due_pictures(resend_after_s double precision, max_rows integer)
RETURNS TABLE (organisation_id uuid, analysis_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT p.organisation_id, p.analysis_id FROM public.analysis_pictures p
     WHERE p.state = 'pending' AND (p.lease_until IS NULL OR p.lease_until < now())
       AND (p.sent_at IS NULL OR p.sent_at < now() - make_interval(secs => resend_after_s))
     ORDER BY p.lease_until LIMIT max_rows
$$"""


def upgrade() -> None:
    op.create_table(
        "analysis_pictures",
        sa.Column("analysis_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("max_attempts", sa.SmallInteger(), nullable=False),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("overlay_key", sa.Text(), nullable=True),
        sa.Column("still_keys", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'done', 'failed')", name=op.f("ck_analysis_pictures_state_known")
        ),
        sa.CheckConstraint(
            "state = 'pending' OR lease_token IS NULL", name=op.f("ck_analysis_pictures_lease_while_pending")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "analysis_id"],
            ["analysis.organisation_id", "analysis.id"],
            name=op.f("fk_analysis_pictures_analysis"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("organisation_id", "analysis_id", name=op.f("pk_analysis_pictures")),
    )
    _see_all_rows("analysis", "flagged_frame")
    op.execute("""
INSERT INTO analysis_pictures
       (organisation_id, analysis_id, state, attempt, max_attempts, overlay_key, still_keys, updated_at)
SELECT a.organisation_id, a.id, 'done', 1, 1, a.overlay_key, coalesce(stills.keys, '{}'), a.created_at
  FROM analysis a
  LEFT JOIN (SELECT organisation_id, analysis_id, jsonb_object_agg(frame, still_key) AS keys
               FROM flagged_frame WHERE still_key IS NOT NULL GROUP BY organisation_id, analysis_id) stills
    ON stills.organisation_id = a.organisation_id AND stills.analysis_id = a.id
 WHERE a.overlay_key IS NOT NULL OR stills.keys IS NOT NULL""")
    _see_own_rows_again("analysis", "flagged_frame")
    op.create_index(
        "ix_analysis_pictures_pending",
        "analysis_pictures",
        ["lease_until"],
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.drop_column("analysis", "overlay_key")
    op.drop_column("flagged_frame", "still_key")
    op.execute("ALTER TABLE analysis_pictures ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE analysis_pictures FORCE ROW LEVEL SECURITY")
    condition = f"organisation_id = {CURRENT_ORGANISATION}"
    op.execute(f"CREATE POLICY tenant ON analysis_pictures USING ({condition}) WITH CHECK ({condition})")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON analysis_pictures TO plumbline_app")
    # The function runs as the owner, whom FORCE blinds like everybody else; it may look, no more.
    op.execute("CREATE POLICY owner_looks ON analysis_pictures FOR SELECT TO CURRENT_USER USING (true)")
    op.execute(DUE_PICTURES)
    op.execute("REVOKE EXECUTE ON FUNCTION due_pictures(double precision, integer) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION due_pictures(double precision, integer) TO plumbline_app")


def downgrade() -> None:
    op.execute("DROP FUNCTION due_pictures(double precision, integer)")
    op.add_column("analysis", sa.Column("overlay_key", sa.Text(), nullable=True))
    op.add_column("flagged_frame", sa.Column("still_key", sa.Text(), nullable=True))
    _see_all_rows("analysis", "flagged_frame", "analysis_pictures")
    op.execute("""
UPDATE analysis a SET overlay_key = p.overlay_key FROM analysis_pictures p
 WHERE p.organisation_id = a.organisation_id AND p.analysis_id = a.id AND p.overlay_key IS NOT NULL""")
    op.execute("""
UPDATE flagged_frame f SET still_key = p.still_keys ->> f.frame::text FROM analysis_pictures p
 WHERE p.organisation_id = f.organisation_id AND p.analysis_id = f.analysis_id
   AND p.still_keys ? f.frame::text""")
    _see_own_rows_again("analysis", "flagged_frame")
    op.drop_table("analysis_pictures")


def _see_all_rows(*tables: str) -> None:
    """Lift what blinds the owner, for this transaction's data move."""
    for table in tables:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")


def _see_own_rows_again(*tables: str) -> None:
    for table in tables:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
