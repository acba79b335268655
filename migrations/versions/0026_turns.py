"""whose turn it is: the organisation served longest ago"""

import sqlalchemy as sa
from alembic import op

from migrations.policies import protect

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

TAKE_TURN = """
CREATE FUNCTION take_turn() RETURNS TABLE (organisation_id uuid, recording_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    waiting record;
    found_id uuid;
    only_free boolean;
BEGIN
    -- first those whom no other worker is serving in this moment, then anybody
    FOREACH only_free IN ARRAY ARRAY[true, false] LOOP
        FOR waiting IN
            SELECT r.organisation_id AS organisation
              FROM public.recording r
              LEFT JOIN public.organisation_turn t ON t.organisation_id = r.organisation_id
             WHERE r.state = 'queued' AND (r.not_before IS NULL OR r.not_before <= now())
             GROUP BY r.organisation_id, t.served_at
             ORDER BY bool_and(r.is_bulk), t.served_at NULLS FIRST, min(r.queued_at)
        LOOP
            CONTINUE WHEN only_free
                AND NOT pg_try_advisory_xact_lock(hashtextextended(waiting.organisation::text, 4));
            SELECT r.id INTO found_id
              FROM public.recording r
             WHERE r.organisation_id = waiting.organisation
               AND r.state = 'queued' AND (r.not_before IS NULL OR r.not_before <= now())
             ORDER BY r.is_bulk, r.queued_at, r.id
             LIMIT 1 FOR UPDATE SKIP LOCKED;
            IF FOUND THEN
                INSERT INTO public.organisation_turn AS t (organisation_id, served_at)
                VALUES (waiting.organisation, clock_timestamp())
                ON CONFLICT (organisation_id) DO UPDATE SET served_at = EXCLUDED.served_at;
                RETURN QUERY SELECT waiting.organisation, found_id;
                RETURN;
            END IF;
        END LOOP;
    END LOOP;
END $$"""

QUEUE_POSITION = """
CREATE OR REPLACE FUNCTION queue_position(recording_id uuid) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH mine AS (
        SELECT r.organisation_id, r.is_bulk,
               (SELECT count(*) FROM public.recording ahead
                 WHERE ahead.state = 'queued' AND ahead.organisation_id = r.organisation_id
                   AND ahead.is_bulk = r.is_bulk AND (ahead.queued_at, ahead.id) <= (r.queued_at, r.id)) AS place
          FROM public.recording r
         WHERE r.id = recording_id AND r.state = 'queued'
           AND r.organisation_id = nullif(current_setting('app.org_id', true), '')::uuid
    ), waiting AS (
        SELECT r.organisation_id, coalesce(t.served_at, '-infinity') AS served_at, min(r.queued_at) AS first_at,
               count(*) FILTER (WHERE r.is_bulk = mine.is_bulk) AS n_alike,
               count(*) FILTER (WHERE mine.is_bulk AND NOT r.is_bulk) AS n_before_bulk
          FROM mine CROSS JOIN public.recording r
          LEFT JOIN public.organisation_turn t ON t.organisation_id = r.organisation_id
         WHERE r.state = 'queued'
         GROUP BY r.organisation_id, t.served_at
    )
    SELECT (mine.place + sum(other.n_before_bulk + CASE
               WHEN other.organisation_id = mine.organisation_id THEN 0
               WHEN (other.served_at, other.first_at) < (own.served_at, own.first_at)
               THEN least(other.n_alike, mine.place)
               ELSE least(other.n_alike, mine.place - 1) END))::bigint
      FROM mine
      JOIN waiting own ON own.organisation_id = mine.organisation_id
      CROSS JOIN waiting other
     GROUP BY mine.place
$$"""

QUEUE_POSITION_BEFORE = """
CREATE OR REPLACE FUNCTION queue_position(recording_id uuid) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT (SELECT count(*) FROM public.recording ahead
             WHERE ahead.state = 'queued' AND (ahead.queued_at, ahead.id) <= (mine.queued_at, mine.id))
      FROM public.recording mine
     WHERE mine.id = recording_id AND mine.state = 'queued'
       AND mine.organisation_id = nullif(current_setting('app.org_id', true), '')::uuid
$$"""


def upgrade() -> None:
    op.add_column("recording", sa.Column("is_bulk", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "organisation_turn",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("served_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_organisation_turn_organisation"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_organisation_turn")),
    )
    protect("organisation_turn", "SELECT, INSERT, UPDATE")
    # take_turn runs as the owner, whom FORCE blinds like everybody else: it may note turns, and hold a recording
    # that waits, which it cannot change.
    op.execute(
        "CREATE POLICY owner_notes ON organisation_turn TO CURRENT_USER USING (true) WITH CHECK (true)"
    )
    op.execute(
        "CREATE POLICY owner_holds ON recording FOR UPDATE TO CURRENT_USER USING (state = 'queued')"
        " WITH CHECK (false)"
    )
    op.execute(TAKE_TURN)
    op.execute("REVOKE EXECUTE ON FUNCTION take_turn() FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION take_turn() TO plumbline_app")
    op.execute(QUEUE_POSITION)


def downgrade() -> None:
    op.execute(QUEUE_POSITION_BEFORE)
    op.execute("DROP FUNCTION take_turn()")
    op.execute("DROP POLICY owner_holds ON recording")
    op.drop_table("organisation_turn")
    op.drop_column("recording", "is_bulk")
