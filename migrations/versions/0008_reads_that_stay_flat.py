"""a feed of changed analyses, and athletes found by the words of their names"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

CURRENT_ORGANISATION = "(SELECT nullif(current_setting('app.org_id', true), '')::uuid)"

FOLD_TEXT = r"""
CREATE FUNCTION fold_text(given text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT translate(regexp_replace(normalize(lower(given), NFKD), '[\u0300-\u036f]', '', 'g'), 'øłđıðþ', 'oldidt')
$$"""

SEARCH_WORDS = """
CREATE FUNCTION search_words(given text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(array_agg(DISTINCT word), '{}')
      FROM regexp_split_to_table(public.fold_text(given), '[^[:alnum:]]+') word WHERE word <> ''
$$"""

KEEP_WORDS = """
CREATE FUNCTION athlete_words_keep(organisation uuid, athlete uuid) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
    DELETE FROM public.athlete_word w WHERE w.organisation_id = organisation AND w.athlete_id = athlete;
    INSERT INTO public.athlete_word (organisation_id, word, athlete_id)
    SELECT DISTINCT organisation, word, athlete
      FROM (SELECT a.name AS given, a.external_id AS number FROM public.athlete a
             WHERE a.organisation_id = organisation AND a.id = athlete
            UNION ALL
            SELECT NULL, x.value FROM public.athlete_external_id x
             WHERE x.organisation_id = organisation AND x.athlete_id = athlete) known,
           LATERAL (SELECT unnest(public.search_words(concat_ws(' ', known.given, known.number))) AS word
                    UNION SELECT regexp_replace(public.fold_text(known.number), '[^[:alnum:]]+', '', 'g')) found
     WHERE word <> '';
$$"""

ATHLETE_CHANGED = """
CREATE FUNCTION athlete_words_of_athlete() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM public.athlete_words_keep(NEW.organisation_id, NEW.id);
    RETURN NULL;
END $$"""

EXTERNAL_ID_CHANGED = """
CREATE FUNCTION athlete_words_of_external_id() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM public.athlete_words_keep(OLD.organisation_id, OLD.athlete_id) FROM public.athlete a
          WHERE a.organisation_id = OLD.organisation_id AND a.id = OLD.athlete_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM public.athlete_words_keep(NEW.organisation_id, NEW.athlete_id);
    END IF;
    RETURN NULL;
END $$"""

FEED_TIME = """
CREATE FUNCTION analysis_feed_time(organisation uuid) RETURNS timestamptz
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    latest timestamptz;
BEGIN
    -- Called while committing: whoever comes later waits until this commit can be seen, so times follow the commits.
    PERFORM pg_advisory_xact_lock(hashtextextended('analysis_feed:' || organisation::text, 0));
    SELECT max(f.modified_at) INTO latest FROM public.analysis_feed f WHERE f.organisation_id = organisation;
    RETURN greatest(clock_timestamp(), latest + interval '1 microsecond');
END $$"""

ANALYSIS_CHANGED = """
CREATE FUNCTION analysis_feed_of_analysis() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE public.analysis_feed f
           SET modified_at = public.analysis_feed_time(OLD.organisation_id), deleted_at = clock_timestamp(), athlete_id = NULL
         WHERE f.organisation_id = OLD.organisation_id AND f.analysis_id = OLD.id AND f.deleted_at IS NULL;
    ELSE
        INSERT INTO public.analysis_feed
               (organisation_id, analysis_id, recording_id, athlete_id, verdict, method_version, modified_at)
        SELECT NEW.organisation_id, NEW.id, NEW.recording_id, r.athlete_id, NEW.verdict, NEW.method_version,
               public.analysis_feed_time(NEW.organisation_id)
          FROM public.recording r WHERE r.organisation_id = NEW.organisation_id AND r.id = NEW.recording_id;
    END IF;
    RETURN NULL;
END $$"""

RECORDING_CHANGED = """
CREATE FUNCTION analysis_feed_of_recording() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    changed uuid;
BEGIN
    -- One by one: each row gets a time of its own.
    FOR changed IN SELECT f.analysis_id FROM public.analysis_feed f
                    WHERE f.organisation_id = NEW.organisation_id AND f.recording_id = NEW.id AND f.deleted_at IS NULL
    LOOP
        UPDATE public.analysis_feed f
           SET modified_at = public.analysis_feed_time(NEW.organisation_id),
               athlete_id = CASE WHEN NEW.state = 'purged' THEN NULL ELSE NEW.athlete_id END,
               deleted_at = CASE WHEN NEW.state = 'purged' THEN clock_timestamp() END
         WHERE f.organisation_id = NEW.organisation_id AND f.analysis_id = changed;
    END LOOP;
    RETURN NULL;
END $$"""

FUNCTIONS = (
    ("fold_text(text)", FOLD_TEXT),
    ("search_words(text)", SEARCH_WORDS),
    ("athlete_words_keep(uuid, uuid)", KEEP_WORDS),
    ("athlete_words_of_athlete()", ATHLETE_CHANGED),
    ("athlete_words_of_external_id()", EXTERNAL_ID_CHANGED),
    ("analysis_feed_time(uuid)", FEED_TIME),
    ("analysis_feed_of_analysis()", ANALYSIS_CHANGED),
    ("analysis_feed_of_recording()", RECORDING_CHANGED),
)

TRIGGERS = """
CREATE TRIGGER athlete_words_added AFTER INSERT ON athlete
    FOR EACH ROW EXECUTE FUNCTION athlete_words_of_athlete();
CREATE TRIGGER athlete_words_changed AFTER UPDATE OF name, external_id ON athlete FOR EACH ROW
    WHEN (NEW.name <> OLD.name OR NEW.external_id IS DISTINCT FROM OLD.external_id)
    EXECUTE FUNCTION athlete_words_of_athlete();
CREATE TRIGGER athlete_words_changed AFTER INSERT OR UPDATE OR DELETE ON athlete_external_id
    FOR EACH ROW EXECUTE FUNCTION athlete_words_of_external_id();
CREATE CONSTRAINT TRIGGER analysis_feed AFTER INSERT OR DELETE ON analysis
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION analysis_feed_of_analysis();
CREATE CONSTRAINT TRIGGER analysis_feed AFTER UPDATE OF athlete_id, state ON recording
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.athlete_id IS DISTINCT FROM OLD.athlete_id OR (NEW.state = 'purged' AND OLD.state <> 'purged'))
    EXECUTE FUNCTION analysis_feed_of_recording()"""

FILL_FEED = """
INSERT INTO analysis_feed
       (organisation_id, analysis_id, recording_id, athlete_id, verdict, method_version, modified_at, deleted_at)
SELECT a.organisation_id, a.id, a.recording_id, CASE WHEN r.state <> 'purged' THEN r.athlete_id END, a.verdict,
       a.method_version, a.created_at,
       CASE WHEN r.state = 'purged' THEN now() END
  FROM analysis a JOIN recording r ON r.organisation_id = a.organisation_id AND r.id = a.recording_id"""

FILL_WORDS = """
INSERT INTO athlete_word (organisation_id, word, athlete_id)
SELECT DISTINCT organisation_id, word, id
  FROM (SELECT organisation_id, id, name AS given, external_id AS number FROM athlete
        UNION ALL SELECT organisation_id, athlete_id, NULL, value FROM athlete_external_id) known,
       LATERAL (SELECT unnest(search_words(concat_ws(' ', known.given, known.number))) AS word
                UNION SELECT regexp_replace(fold_text(known.number), '[^[:alnum:]]+', '', 'g')) found
 WHERE word <> ''"""

FILLED_FROM = ("analysis", "recording", "athlete", "athlete_external_id")


def upgrade() -> None:
    for name, definition in FUNCTIONS[:2]:
        _add_function(name, definition)
    op.drop_index("ix_athlete_by_name", table_name="athlete")
    op.add_column(
        "athlete",
        sa.Column(
            "name_key", sa.Text(collation="C"), sa.Computed("fold_text(name)", persisted=True), nullable=False
        ),
    )
    op.create_index("ix_athlete_by_name", "athlete", ["organisation_id", "name_key", "id"])
    _make_words()
    _make_feed()
    for name, definition in FUNCTIONS[2:]:
        _add_function(name, definition)
    # The owner sees every row for this transaction's filling.
    for table in FILLED_FROM:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(FILL_WORDS)
    op.execute(FILL_FEED)
    for table in FILLED_FROM:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    _add_indexes()
    for statement in TRIGGERS.split(";"):
        op.execute(statement)
    condition = f"organisation_id = {CURRENT_ORGANISATION}"
    for table, privileges in (
        ("athlete_word", "SELECT, INSERT, UPDATE, DELETE"),
        ("analysis_feed", "SELECT, INSERT, UPDATE"),
    ):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} USING ({condition}) WITH CHECK ({condition})")
        op.execute(f"GRANT {privileges} ON {table} TO plumbline_app")


def _add_function(name: str, definition: str) -> None:
    op.execute(definition)
    op.execute(f"REVOKE EXECUTE ON FUNCTION {name} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO plumbline_app")


def _make_words() -> None:
    op.create_table(
        "athlete_word",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("word", sa.Text(collation="C"), nullable=False),
        sa.Column("athlete_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "athlete_id"],
            ["athlete.organisation_id", "athlete.id"],
            name=op.f("fk_athlete_word_athlete"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("organisation_id", "word", "athlete_id", name=op.f("pk_athlete_word")),
    )


def _make_feed() -> None:
    op.create_table(
        "analysis_feed",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("analysis_id", sa.Uuid(), nullable=False),
        sa.Column("recording_id", sa.Uuid(), nullable=False),
        sa.Column("athlete_id", sa.Uuid(), nullable=True),
        sa.Column("verdict", sa.String(length=32), nullable=False),
        sa.Column("method_version", sa.Text(), nullable=False),
        sa.Column("modified_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_analysis_feed_organisation"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("organisation_id", "analysis_id", name=op.f("pk_analysis_feed")),
    )


def _add_indexes() -> None:
    """Add them when the rows are there, which is quicker."""
    op.create_index(
        op.f("ix_athlete_word_organisation_id_athlete_id"), "athlete_word", ["organisation_id", "athlete_id"]
    )
    op.create_index(
        op.f("ix_analysis_feed_organisation_id_modified_at_analysis_id"),
        "analysis_feed",
        ["organisation_id", "modified_at", "analysis_id"],
    )
    op.create_index(
        op.f("ix_analysis_feed_organisation_id_athlete_id_modified_at_analysis_id"),
        "analysis_feed",
        ["organisation_id", "athlete_id", "modified_at", "analysis_id"],
    )
    op.create_index(
        op.f("ix_analysis_feed_organisation_id_recording_id"),
        "analysis_feed",
        ["organisation_id", "recording_id"],
    )


def downgrade() -> None:
    for trigger, table in (
        ("analysis_feed", "recording"),
        ("analysis_feed", "analysis"),
        ("athlete_words_changed", "athlete_external_id"),
        ("athlete_words_changed", "athlete"),
        ("athlete_words_added", "athlete"),
    ):
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
    for name, _ in reversed(FUNCTIONS[2:]):
        op.execute(f"DROP FUNCTION {name}")
    op.drop_table("analysis_feed")
    op.drop_table("athlete_word")
    op.drop_index("ix_athlete_by_name", table_name="athlete")
    op.drop_column("athlete", "name_key")
    op.create_index("ix_athlete_by_name", "athlete", ["organisation_id", sa.text("lower(name)"), "id"])
    for name, _ in reversed(FUNCTIONS[:2]):
        op.execute(f"DROP FUNCTION {name}")
