"""members with limits, invitations, password resets, keys that can be rotated"""

import sqlalchemy as sa
from alembic import op

from migrations.policies import LIMITED_TO, limit, limit_where, protect

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SEES_TEAM = (
    f"EXISTS (SELECT 1 FROM team_limit l WHERE l.subject_id = {LIMITED_TO} AND l.team_id = {{column}})"  # noqa: S608  # constants
)
BY_TEAM = f"EXISTS (SELECT 1 FROM team_limit l JOIN team_member m ON m.team_id = l.team_id WHERE l.subject_id = {LIMITED_TO} AND m.athlete_id = athlete.id)"  # noqa: S608  # constants
BY_LINK = (
    f"EXISTS (SELECT 1 FROM athlete_link k WHERE k.subject_id = {LIMITED_TO} AND k.athlete_id = athlete.id)"  # noqa: S608  # constants
)
SEES_ATHLETE = f"{BY_TEAM} OR {BY_LINK}"
SEES_FEED = (
    "deleted_at IS NOT NULL OR EXISTS (SELECT 1 FROM recording r WHERE r.id = analysis_feed.recording_id)"
)
LIMITED = (
    ("screening", "athlete_id", "athlete"),
    ("trial", "screening_id", "screening"),
    ("recording", "athlete_id", "athlete"),
    ("recording_event", "recording_id", "recording"),
    ("analysis", "recording_id", "recording"),
    ("analysis_event", "analysis_id", "analysis"),
    ("metric", "analysis_id", "analysis"),
    ("finding", "analysis_id", "analysis"),
    ("flagged_frame", "analysis_id", "analysis"),
    ("assessment", "analysis_id", "analysis"),
    ("assessment_component", "assessment_id", "assessment"),
    ("analysis_pictures", "analysis_id", "analysis"),
    ("correction", "recording_id", "recording"),
    ("correction_undo", "correction_id", "correction"),
    ("analysis_correction", "analysis_id", "analysis"),
    ("athlete_word", "athlete_id", "athlete"),
    ("athlete_external_id", "athlete_id", "athlete"),
    ("roster_change_item", "athlete_id", "athlete"),
)
WHOLE = ("roster_change", "roster_import")
"""Only those who see the whole roster change it."""
N_MEMBERSHIPS = """
CREATE FUNCTION n_memberships(member_id uuid) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT count(*) FROM public.membership WHERE user_id = member_id
$$"""
"""An owner may help a member to a new password only if that opens no other organisation's door."""


def _organisation(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organisation_id"], ["organisation.id"], name=op.f(f"fk_{table}_organisation"), ondelete="RESTRICT"
    )


def _made_at() -> sa.Column[object]:
    return sa.Column(
        "created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
    )


def upgrade() -> None:
    for table in ("membership", "api_key"):
        op.add_column(
            table, sa.Column("is_limited", sa.Boolean(), server_default=sa.text("false"), nullable=False)
        )
    op.add_column("api_key", sa.Column("previous_secret_sha256", sa.LargeBinary(), nullable=True))
    op.add_column("api_key", sa.Column("previous_until", sa.DateTime(timezone=True), nullable=True))
    _create_limits()
    _create_links()
    protect("team_limit", "SELECT, INSERT, DELETE")
    protect("athlete_link", "SELECT, INSERT, DELETE")
    # a link is looked up before we know who holds it
    protect("invitation", "SELECT, INSERT, UPDATE", while_nobody_is_known=True)
    protect("password_reset", "SELECT, INSERT, UPDATE", while_nobody_is_known=True)
    limit_where("team", SEES_TEAM.format(column="team.id"))
    limit_where("team_member", SEES_TEAM.format(column="team_member.team_id"))
    limit_where("athlete", SEES_ATHLETE)
    limit_where("analysis_feed", SEES_FEED)
    for table in WHOLE:
        limit_where(table, "false")
    for table, column, parent in LIMITED:
        limit(table, column, parent)
    op.execute("CREATE POLICY owner_looks ON membership FOR SELECT TO CURRENT_USER USING (true)")
    op.execute(N_MEMBERSHIPS)
    op.execute("REVOKE EXECUTE ON FUNCTION n_memberships(uuid) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION n_memberships(uuid) TO plumbline_app")


def _create_limits() -> None:
    for table, column, parent in (
        ("team_limit", "team_id", "team"),
        ("athlete_link", "athlete_id", "athlete"),
    ):
        made_at = [_made_at()] if table == "athlete_link" else []
        op.create_table(
            table,
            sa.Column("subject_id", sa.Uuid(), nullable=False),
            sa.Column(column, sa.Uuid(), nullable=False),
            *made_at,
            sa.Column("organisation_id", sa.Uuid(), nullable=False),
            sa.ForeignKeyConstraint(
                ["organisation_id", column],
                [f"{parent}.organisation_id", f"{parent}.id"],
                name=op.f(f"fk_{table}_{parent}"),
                ondelete="CASCADE",
            ),
            sa.PrimaryKeyConstraint("subject_id", column, name=op.f(f"pk_{table}")),
        )
        op.create_index(
            op.f(f"ix_{table}_organisation_id_{column}"), table, ["organisation_id", column], unique=False
        )


def _create_links() -> None:
    op.create_table(
        "invitation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("is_limited", sa.Boolean(), nullable=False),
        sa.Column("team_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("athlete_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        _made_at(),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_invitation_email_lower")),
        sa.ForeignKeyConstraint(
            ["created_by"], ["user_account.id"], name=op.f("fk_invitation_user_account"), ondelete="SET NULL"
        ),
        _organisation("invitation"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_invitation_token_sha256")),
    )
    op.create_index(
        op.f("ix_invitation_organisation_id_id"), "invitation", ["organisation_id", "id"], unique=False
    )
    op.create_table(
        "password_reset",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        _made_at(),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_password_reset_user_account"), ondelete="CASCADE"
        ),
        _organisation("password_reset"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_password_reset")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_password_reset_token_sha256")),
    )
    op.create_index(op.f("ix_password_reset_user_id"), "password_reset", ["user_id"], unique=False)


def downgrade() -> None:
    op.execute("DROP FUNCTION n_memberships(uuid)")
    op.execute("DROP POLICY owner_looks ON membership")
    for table in (
        "team",
        "team_member",
        "athlete",
        "analysis_feed",
        *WHOLE,
        *(table for table, _, _ in LIMITED),
    ):
        op.execute(f"DROP POLICY limited ON {table}")
    for table in ("password_reset", "invitation", "athlete_link", "team_limit"):
        op.drop_table(table)
    op.drop_column("api_key", "previous_until")
    op.drop_column("api_key", "previous_secret_sha256")
    for table in ("api_key", "membership"):
        op.drop_column(table, "is_limited")
