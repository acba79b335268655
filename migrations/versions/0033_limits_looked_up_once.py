"""limits that cost only those who have them: whom they see is looked up once a statement, by a function"""

from alembic import op

from migrations.policies import IN_SIGHT, LIMITED_TO

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

# A function, because PostgreSQL writes what a policy selects from, and the policies of that, into every query, and
# plans it: for a page of the feed these were 1,700 sub-plans, of which none ran for whoever sees everybody. What a
# function selects is planned when it is first called.
ATHLETES_IN_SIGHT = f"""
CREATE FUNCTION athletes_in_sight() RETURNS SETOF uuid LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100 AS $$
BEGIN
    RETURN QUERY
    SELECT m.athlete_id
      FROM public.team_limit l
      JOIN public.team_member m ON m.organisation_id = l.organisation_id AND m.team_id = l.team_id
     WHERE l.subject_id = {LIMITED_TO}
     UNION
    SELECT k.athlete_id FROM public.athlete_link k WHERE k.subject_id = {LIMITED_TO};
END $$"""  # noqa: S608  # a constant
OF_ATHLETES = (
    "analysis_feed",
    "athlete_external_id",
    "athlete_word",
    "capture",
    "consent_decision",
    "erasure",
    "guardian_link",
    "recording",
    "roster_change_item",
    "screening",
    "webhook_message",
)
"""Tables whose `athlete_id` says whose a row is."""


def upgrade() -> None:
    op.execute(ATHLETES_IN_SIGHT)
    _alter("athlete", IN_SIGHT.format(column="athlete.id"))
    for table in OF_ATHLETES:
        deleted = "deleted_at IS NOT NULL OR " if table == "analysis_feed" else ""
        _alter(table, deleted + IN_SIGHT.format(column=f"{table}.athlete_id"))


def downgrade() -> None:
    of_team = (
        "SELECT 1 FROM team_limit l JOIN team_member m ON m.team_id = l.team_id"  # noqa: S608  # constants
        f" WHERE l.subject_id = {LIMITED_TO} AND m.athlete_id = athlete.id"
    )
    linked = f"SELECT 1 FROM athlete_link k WHERE k.subject_id = {LIMITED_TO} AND k.athlete_id = athlete.id"  # noqa: S608  # constants
    _alter("athlete", f"EXISTS ({of_team}) OR EXISTS ({linked})")
    for table in OF_ATHLETES:
        if table != "analysis_feed":
            _alter(table, f"EXISTS (SELECT 1 FROM athlete seen WHERE seen.id = {table}.athlete_id)")  # noqa: S608  # names of this file
    recording = "EXISTS (SELECT 1 FROM recording r WHERE r.id = analysis_feed.recording_id)"
    _alter("analysis_feed", f"deleted_at IS NOT NULL OR {recording}")
    op.execute("DROP FUNCTION athletes_in_sight()")


def _alter(table: str, condition: str) -> None:
    op.execute(f"ALTER POLICY limited ON {table} USING ({LIMITED_TO} IS NULL OR {condition})")
