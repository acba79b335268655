"""initial schema"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


CURRENT_ORGANISATION = "(SELECT nullif(current_setting('app.org_id', true), '')::uuid)"
"""As a sub-select it is worked out once per statement, not once per row."""

ATHLETE_TABLES = {
    "team": "SELECT, INSERT, UPDATE, DELETE",
    "athlete": "SELECT, INSERT, UPDATE, DELETE",
    "team_member": "SELECT, INSERT, UPDATE, DELETE",
    "screening": "SELECT, INSERT, UPDATE, DELETE",
    "trial": "SELECT, INSERT, UPDATE, DELETE",
    "recording": "SELECT, INSERT, UPDATE, DELETE",
    "idempotency_key": "SELECT, INSERT, DELETE",
    # Written once, never changed.
    "recording_event": "SELECT, INSERT",
    "analysis": "SELECT, INSERT, DELETE",
    "analysis_event": "SELECT, INSERT, DELETE",
    "metric": "SELECT, INSERT, DELETE",
    "finding": "SELECT, INSERT, DELETE",
    "flagged_frame": "SELECT, INSERT, DELETE",
    "assessment": "SELECT, INSERT, DELETE",
    "assessment_component": "SELECT, INSERT, DELETE",
}
"""Seen only by the organisation that the transaction names; without one, nothing is."""

ACCOUNT_TABLES = {
    "organisation": ("SELECT, INSERT, UPDATE", "id = {org}"),
    "membership": ("SELECT, INSERT, UPDATE, DELETE", "organisation_id = {org}"),
    "login_session": ("SELECT, INSERT, UPDATE, DELETE", "organisation_id = {org}"),
    "api_key": ("SELECT, INSERT, UPDATE", "organisation_id = {org}"),
    "user_account": (
        "SELECT, INSERT, UPDATE",
        "EXISTS (SELECT 1 FROM membership WHERE membership.user_id = user_account.id"
        " AND membership.organisation_id = {org})",
    ),
}
"""Also open while no organisation is named: that is when we find out who is asking."""

FUNCTIONS = {
    "due_recordings(double precision, integer)": """
CREATE FUNCTION due_recordings(resend_after_s double precision, max_rows integer)
RETURNS TABLE (organisation_id uuid, recording_id uuid, lease_expired boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    (SELECT r.organisation_id, r.id, true FROM public.recording r
      WHERE r.state = 'processing' AND r.lease_until < now()
      ORDER BY r.lease_until LIMIT max_rows)
    UNION ALL
    (SELECT r.organisation_id, r.id, false FROM public.recording r
      WHERE r.state = 'queued' AND (r.not_before IS NULL OR r.not_before <= now())
        AND (r.sent_at IS NULL OR r.sent_at < now() - make_interval(secs => resend_after_s))
      ORDER BY r.queued_at, r.id LIMIT max_rows)
$$""",
    "queue_position(uuid)": """
CREATE FUNCTION queue_position(recording_id uuid) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT (SELECT count(*) FROM public.recording ahead
             WHERE ahead.state = 'queued' AND (ahead.queued_at, ahead.id) <= (mine.queued_at, mine.id))
      FROM public.recording mine
     WHERE mine.id = recording_id AND mine.state = 'queued'
       AND mine.organisation_id = nullif(current_setting('app.org_id', true), '')::uuid
$$""",
    "queue_depth()": """
CREATE FUNCTION queue_depth(OUT n_queued bigint, OUT n_processing bigint, OUT oldest_queued_s double precision)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT count(*) FILTER (WHERE r.state = 'queued'),
           count(*) FILTER (WHERE r.state = 'processing'),
           coalesce(extract(epoch FROM now() - min(r.queued_at) FILTER (WHERE r.state = 'queued')), 0)::float8
      FROM public.recording r WHERE r.state IN ('queued', 'processing')
$$""",
}
"""All that may be asked across organisations: ids and counts, never content."""


def _create_app_role() -> None:
    """Make the role the app signs in as, where we may; elsewhere the operator has to."""
    op.execute("""
DO $$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'plumbline_app') THEN
        CREATE ROLE plumbline_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'The role plumbline_app is missing and this login may not create it.'
        USING HINT = 'As a superuser: CREATE ROLE plumbline_app LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD ...';
END $$""")


def _protect(table: str, privileges: str, condition: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {table} USING ({condition}) WITH CHECK ({condition})")
    op.execute(f"GRANT {privileges} ON {table} TO plumbline_app")


def _grant_access() -> None:
    _create_app_role()
    org = CURRENT_ORGANISATION
    for table, privileges in ATHLETE_TABLES.items():
        _protect(table, privileges, f"organisation_id = {org}")
    for table, (privileges, condition) in ACCOUNT_TABLES.items():
        _protect(table, privileges, f"{org} IS NULL OR {condition.format(org=org)}")
    # The functions below run as the owner, whom FORCE blinds like everybody else; it may look, no more.
    op.execute("CREATE POLICY owner_looks ON recording FOR SELECT TO CURRENT_USER USING (true)")
    for name, definition in FUNCTIONS.items():
        op.execute(definition)
        op.execute(f"REVOKE EXECUTE ON FUNCTION {name} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO plumbline_app")
    op.execute("GRANT SELECT ON alembic_version TO plumbline_app")


def upgrade() -> None:
    op.create_table(
        "organisation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
    )
    op.create_table(
        "user_account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_user_account_email_lower")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("email", name=op.f("uq_user_account_email")),
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.String(length=32)), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["created_by"], ["user_account.id"], name=op.f("fk_api_key_user_account"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_api_key_organisation"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("public_id", name=op.f("uq_api_key_public_id")),
    )
    op.create_index(op.f("ix_api_key_organisation_id_id"), "api_key", ["organisation_id", "id"], unique=False)
    op.create_table(
        "athlete",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("sex", sa.String(length=32), nullable=False),
        sa.Column("stature_cm", sa.Double(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("stature_cm > 0", name=op.f("ck_athlete_stature_positive")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_athlete_organisation"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_athlete")),
        sa.UniqueConstraint(
            "organisation_id", "external_id", name=op.f("uq_athlete_organisation_id_external_id")
        ),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_athlete_organisation_id_id")),
    )
    op.create_index(
        "ix_athlete_by_name",
        "athlete",
        ["organisation_id", sa.literal_column("lower(name)"), "id"],
        unique=False,
    )
    op.create_table(
        "login_session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_login_session_organisation"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_login_session_user_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_session")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_login_session_token_sha256")),
    )
    op.create_index(op.f("ix_login_session_user_id"), "login_session", ["user_id"], unique=False)
    op.create_table(
        "membership",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_membership_organisation"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_membership_user_account"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("organisation_id", "user_id", name=op.f("pk_membership")),
    )
    op.create_index(op.f("ix_membership_user_id"), "membership", ["user_id"], unique=False)
    op.create_table(
        "team",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_team_organisation"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_team")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_team_organisation_id_id")),
        sa.UniqueConstraint("organisation_id", "name", name=op.f("uq_team_organisation_id_name")),
    )
    op.create_table(
        "screening",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("athlete_id", sa.Uuid(), nullable=False),
        sa.Column("screened_on", sa.Date(), nullable=False),
        sa.Column("context", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "athlete_id"],
            ["athlete.organisation_id", "athlete.id"],
            name=op.f("fk_screening_athlete"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_screening")),
        sa.UniqueConstraint(
            "organisation_id",
            "athlete_id",
            "screened_on",
            "context",
            name=op.f("uq_screening_organisation_id_athlete_id_screened_on_context"),
        ),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_screening_organisation_id_id")),
    )
    op.create_table(
        "team_member",
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("athlete_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "athlete_id"],
            ["athlete.organisation_id", "athlete.id"],
            name=op.f("fk_team_member_athlete"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "team_id"],
            ["team.organisation_id", "team.id"],
            name=op.f("fk_team_member_team"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("team_id", "athlete_id", name=op.f("pk_team_member")),
    )
    op.create_index(
        op.f("ix_team_member_organisation_id_athlete_id"),
        "team_member",
        ["organisation_id", "athlete_id"],
        unique=False,
    )
    op.create_table(
        "trial",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("screening_id", sa.Uuid(), nullable=False),
        sa.Column("movement", sa.String(length=32), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "screening_id"],
            ["screening.organisation_id", "screening.id"],
            name=op.f("fk_trial_screening"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trial")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_trial_organisation_id_id")),
        sa.UniqueConstraint(
            "organisation_id",
            "screening_id",
            "movement",
            "number",
            name=op.f("uq_trial_organisation_id_screening_id_movement_number"),
        ),
    )
    op.create_table(
        "recording",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("athlete_id", sa.Uuid(), nullable=True),
        sa.Column("trial_id", sa.Uuid(), nullable=True),
        sa.Column("screened_on", sa.Date(), nullable=False),
        sa.Column("context", sa.String(length=32), nullable=False),
        sa.Column("movement", sa.String(length=32), nullable=False),
        sa.Column("view", sa.String(length=32), nullable=False),
        sa.Column("box_height_cm", sa.Double(), nullable=True),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("stage", sa.String(length=32), nullable=True),
        sa.Column("progress", sa.Double(), server_default=sa.text("0"), nullable=False),
        sa.Column("run", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("max_attempts", sa.SmallInteger(), server_default=sa.text("3"), nullable=False),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("blob_key", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("container", sa.Text(), nullable=False),
        sa.Column("codec", sa.Text(), nullable=False),
        sa.Column("width_px", sa.Integer(), nullable=False),
        sa.Column("height_px", sa.Integer(), nullable=False),
        sa.Column("duration_s", sa.Double(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "(state = 'processing') = (lease_token IS NOT NULL)",
            name=op.f("ck_recording_lease_while_processing"),
        ),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_recording_sha256_hex")),
        sa.CheckConstraint(
            "state IN ('awaiting_upload', 'received', 'queued', 'processing', 'analysed', 'rejected', 'failed', 'purged')",
            name=op.f("ck_recording_state_known"),
        ),
        sa.CheckConstraint("progress BETWEEN 0 AND 1", name=op.f("ck_recording_progress_share")),
        sa.CheckConstraint("size_bytes > 0", name=op.f("ck_recording_size_positive")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "athlete_id"],
            ["athlete.organisation_id", "athlete.id"],
            name=op.f("fk_recording_athlete"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "trial_id"],
            ["trial.organisation_id", "trial.id"],
            name=op.f("fk_recording_trial"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_recording_organisation"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recording")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_recording_organisation_id_id")),
    )
    op.create_index(
        "ix_recording_athlete_newest",
        "recording",
        ["organisation_id", "athlete_id", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_recording_athlete_screened",
        "recording",
        [
            "organisation_id",
            "athlete_id",
            sa.literal_column("screened_on DESC"),
            sa.literal_column("created_at DESC"),
            sa.literal_column("id DESC"),
        ],
        unique=False,
    )
    op.create_index(
        "ix_recording_leased",
        "recording",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("state = 'processing'"),
    )
    op.create_index(
        "ix_recording_newest",
        "recording",
        ["organisation_id", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        op.f("ix_recording_organisation_id_trial_id"),
        "recording",
        ["organisation_id", "trial_id"],
        unique=False,
    )
    op.create_index(
        "ix_recording_waiting",
        "recording",
        ["queued_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_table(
        "analysis",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("recording_id", sa.Uuid(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("lease_token", sa.Uuid(), nullable=False),
        sa.Column("verdict", sa.String(length=32), nullable=False),
        sa.Column("method_version", sa.Text(), nullable=False),
        sa.Column("model_sha256", sa.String(length=64), nullable=False),
        sa.Column("code_version", sa.Text(), nullable=False),
        sa.Column("input_sha256", sa.String(length=64), nullable=False),
        sa.Column("video_width_px", sa.Integer(), nullable=True),
        sa.Column("video_height_px", sa.Integer(), nullable=True),
        sa.Column("video_duration_s", sa.Double(), nullable=True),
        sa.Column("video_n_frames", sa.Integer(), nullable=True),
        sa.Column("video_nominal_fps_hz", sa.Double(), nullable=True),
        sa.Column("video_rotation_deg", sa.Integer(), nullable=True),
        sa.Column("video_codec", sa.Text(), nullable=True),
        sa.Column("track_key", sa.Text(), nullable=True),
        sa.Column("kinematics_key", sa.Text(), nullable=True),
        sa.Column("overlay_key", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "recording_id"],
            ["recording.organisation_id", "recording.id"],
            name=op.f("fk_analysis_recording"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_analysis")),
        sa.UniqueConstraint("lease_token", name=op.f("uq_analysis_lease_token")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_analysis_organisation_id_id")),
        sa.UniqueConstraint(
            "organisation_id",
            "recording_id",
            "run",
            name=op.f("uq_analysis_organisation_id_recording_id_run"),
        ),
    )
    op.create_table(
        "idempotency_key",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("request_sha256", sa.String(length=64), nullable=False),
        sa.Column("recording_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "recording_id"],
            ["recording.organisation_id", "recording.id"],
            name=op.f("fk_idempotency_key_recording"),
            ondelete="CASCADE",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("organisation_id", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_index(
        op.f("ix_idempotency_key_organisation_id_recording_id"),
        "idempotency_key",
        ["organisation_id", "recording_id"],
        unique=False,
    )
    op.create_table(
        "recording_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("recording_id", sa.Uuid(), nullable=False),
        sa.Column("from_state", sa.String(length=32), nullable=True),
        sa.Column("trigger", sa.String(length=32), nullable=False),
        sa.Column("to_state", sa.String(length=32), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("actor_user_id", sa.Uuid(), nullable=True),
        sa.Column("actor_api_key_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "recording_id"],
            ["recording.organisation_id", "recording.id"],
            name=op.f("fk_recording_event_recording"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recording_event")),
    )
    op.create_index(
        op.f("ix_recording_event_organisation_id_recording_id_id"),
        "recording_event",
        ["organisation_id", "recording_id", "id"],
        unique=False,
    )
    op.create_table(
        "analysis_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("analysis_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("side", sa.String(length=32), nullable=False),
        sa.Column("time_s", sa.Double(), nullable=False),
        sa.Column("frame", sa.Integer(), nullable=False),
        sa.Column("sd_s", sa.Double(), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "analysis_id"],
            ["analysis.organisation_id", "analysis.id"],
            name=op.f("fk_analysis_event_analysis"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_analysis_event")),
        sa.UniqueConstraint(
            "organisation_id",
            "analysis_id",
            "position",
            name=op.f("uq_analysis_event_organisation_id_analysis_id_position"),
        ),
    )
    op.create_table(
        "assessment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("analysis_id", sa.Uuid(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("band", sa.Text(), nullable=False),
        sa.Column("band_probability", sa.Double(), nullable=False),
        sa.Column("interval_90_low", sa.Double(), nullable=False),
        sa.Column("interval_90_high", sa.Double(), nullable=False),
        sa.Column("coverage", sa.Double(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "analysis_id"],
            ["analysis.organisation_id", "analysis.id"],
            name=op.f("fk_assessment_analysis"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment")),
        sa.UniqueConstraint(
            "organisation_id", "analysis_id", name=op.f("uq_assessment_organisation_id_analysis_id")
        ),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_assessment_organisation_id_id")),
    )
    op.create_table(
        "finding",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("analysis_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("severity", sa.String(length=32), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("how_to_fix", sa.Text(), nullable=False),
        sa.Column("frame", sa.Integer(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "analysis_id"],
            ["analysis.organisation_id", "analysis.id"],
            name=op.f("fk_finding_analysis"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding")),
        sa.UniqueConstraint(
            "organisation_id",
            "analysis_id",
            "position",
            name=op.f("uq_finding_organisation_id_analysis_id_position"),
        ),
    )
    op.create_index(
        op.f("ix_finding_organisation_id_code"), "finding", ["organisation_id", "code"], unique=False
    )
    op.create_table(
        "flagged_frame",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("analysis_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("frame", sa.Integer(), nullable=False),
        sa.Column("time_s", sa.Double(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("side", sa.String(length=32), nullable=False),
        sa.Column("still_key", sa.Text(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "analysis_id"],
            ["analysis.organisation_id", "analysis.id"],
            name=op.f("fk_flagged_frame_analysis"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_flagged_frame")),
        sa.UniqueConstraint(
            "organisation_id",
            "analysis_id",
            "position",
            name=op.f("uq_flagged_frame_organisation_id_analysis_id_position"),
        ),
    )
    op.create_table(
        "metric",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("analysis_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("side", sa.String(length=32), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("se", sa.Double(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "analysis_id"],
            ["analysis.organisation_id", "analysis.id"],
            name=op.f("fk_metric_analysis"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_metric")),
        sa.UniqueConstraint(
            "organisation_id",
            "analysis_id",
            "position",
            name=op.f("uq_metric_organisation_id_analysis_id_position"),
        ),
    )
    op.create_index(
        op.f("ix_metric_organisation_id_key_side_event"),
        "metric",
        ["organisation_id", "key", "side", "event"],
        unique=False,
    )
    op.create_table(
        "assessment_component",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("assessment_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("side", sa.String(length=32), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("cutoff", sa.Double(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "assessment_id"],
            ["assessment.organisation_id", "assessment.id"],
            name=op.f("fk_assessment_component_assessment"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessment_component")),
        sa.UniqueConstraint(
            "organisation_id",
            "assessment_id",
            "position",
            name=op.f("uq_assessment_component_organisation_id_assessment_id_position"),
        ),
    )
    _grant_access()


def downgrade() -> None:
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}")
    op.execute("DROP POLICY tenant ON user_account")  # it looks at membership, which goes first
    op.drop_table("assessment_component")
    op.drop_index(op.f("ix_metric_organisation_id_key_side_event"), table_name="metric")
    op.drop_table("metric")
    op.drop_table("flagged_frame")
    op.drop_index(op.f("ix_finding_organisation_id_code"), table_name="finding")
    op.drop_table("finding")
    op.drop_table("assessment")
    op.drop_table("analysis_event")
    op.drop_index(op.f("ix_recording_event_organisation_id_recording_id_id"), table_name="recording_event")
    op.drop_table("recording_event")
    op.drop_index(op.f("ix_idempotency_key_organisation_id_recording_id"), table_name="idempotency_key")
    op.drop_table("idempotency_key")
    op.drop_table("analysis")
    op.drop_index(
        "ix_recording_waiting", table_name="recording", postgresql_where=sa.text("state = 'queued'")
    )
    op.drop_index(op.f("ix_recording_organisation_id_trial_id"), table_name="recording")
    op.drop_index("ix_recording_newest", table_name="recording")
    op.drop_index(
        "ix_recording_leased", table_name="recording", postgresql_where=sa.text("state = 'processing'")
    )
    op.drop_index("ix_recording_athlete_screened", table_name="recording")
    op.drop_index("ix_recording_athlete_newest", table_name="recording")
    op.drop_table("recording")
    op.drop_table("trial")
    op.drop_index(op.f("ix_team_member_organisation_id_athlete_id"), table_name="team_member")
    op.drop_table("team_member")
    op.drop_table("screening")
    op.drop_table("team")
    op.drop_index(op.f("ix_membership_user_id"), table_name="membership")
    op.drop_table("membership")
    op.drop_index(op.f("ix_login_session_user_id"), table_name="login_session")
    op.drop_table("login_session")
    op.drop_index("ix_athlete_by_name", table_name="athlete")
    op.drop_table("athlete")
    op.drop_index(op.f("ix_api_key_organisation_id_id"), table_name="api_key")
    op.drop_table("api_key")
    op.drop_table("user_account")
    op.drop_table("organisation")
