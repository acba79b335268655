"""search words are kept for all athletes that a statement changes at once"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

KEEP_WORDS = """
CREATE FUNCTION athlete_words_keep(organisation uuid, athletes uuid[]) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, public, pg_temp SET enable_seqscan = off AS $$
    -- Each is looked up by its key: in the middle of an import the statistics still tell of a small table, and reading
    -- that whole for each of five thousand ids took ten seconds.
    DELETE FROM public.athlete_word w USING unnest(athletes) changed (id)
     WHERE w.organisation_id = organisation AND w.athlete_id = changed.id;
    INSERT INTO public.athlete_word (organisation_id, word, athlete_id)
    SELECT DISTINCT organisation, word, known.id
      FROM (SELECT a.id, a.name AS given, a.external_id AS number
              FROM unnest(athletes) changed (id)
              JOIN public.athlete a ON a.organisation_id = organisation AND a.id = changed.id
            UNION ALL
            SELECT x.athlete_id, NULL, x.value
              FROM unnest(athletes) changed (id)
              JOIN public.athlete_external_id x ON x.organisation_id = organisation AND x.athlete_id = changed.id) known,
           LATERAL (SELECT unnest(public.search_words(concat_ws(' ', known.given, known.number))) AS word
                    UNION SELECT regexp_replace(public.fold_text(known.number), '[^[:alnum:]]+', '', 'g')) found
     WHERE word <> '';
$$"""

ATHLETES_CHANGED = """
CREATE FUNCTION athlete_words_of_athletes() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM public.athlete_word w USING before o
         WHERE w.organisation_id = o.organisation_id AND w.athlete_id = o.id;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO public.athlete_word (organisation_id, word, athlete_id)
        SELECT DISTINCT n.organisation_id, found.word, n.id
          FROM after n, LATERAL (SELECT unnest(public.search_words(concat_ws(' ', n.name, n.external_id))) AS word
                UNION SELECT regexp_replace(public.fold_text(n.external_id), '[^[:alnum:]]+', '', 'g')) found
         WHERE found.word <> '';
    ELSE
        PERFORM public.athlete_words_keep(n.organisation_id, array_agg(n.id))
           FROM after n JOIN before o ON o.organisation_id = n.organisation_id AND o.id = n.id
          WHERE n.name <> o.name OR n.external_id IS DISTINCT FROM o.external_id GROUP BY n.organisation_id;
    END IF;
    RETURN NULL;
END $$"""

# An athlete who goes takes external ids along: then there is nobody left to find.
EXTERNAL_IDS_CHANGED = """
CREATE FUNCTION athlete_words_of_external_ids() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM public.athlete_words_keep(a.organisation_id, array_agg(a.id)) FROM public.athlete a
          WHERE (a.organisation_id, a.id) IN (SELECT o.organisation_id, o.athlete_id FROM before o)
          GROUP BY a.organisation_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM public.athlete_words_keep(n.organisation_id, array_agg(DISTINCT n.athlete_id)) FROM after n
          GROUP BY n.organisation_id;
    END IF;
    RETURN NULL;
END $$"""

FUNCTIONS = (
    ("athlete_words_keep(uuid, uuid[])", KEEP_WORDS),
    ("athlete_words_of_athletes()", ATHLETES_CHANGED),
    ("athlete_words_of_external_ids()", EXTERNAL_IDS_CHANGED),
)

ROW_KEEP_WORDS = """
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

ROW_ATHLETE_CHANGED = """
CREATE FUNCTION athlete_words_of_athlete() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM public.athlete_words_keep(NEW.organisation_id, NEW.id);
    RETURN NULL;
END $$"""

ROW_EXTERNAL_ID_CHANGED = """
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

ROW_FUNCTIONS = (
    ("athlete_words_keep(uuid, uuid)", ROW_KEEP_WORDS),
    ("athlete_words_of_athlete()", ROW_ATHLETE_CHANGED),
    ("athlete_words_of_external_id()", ROW_EXTERNAL_ID_CHANGED),
)

_WATCHED = {"INSERT": "NEW TABLE AS after", "UPDATE": "OLD TABLE AS before NEW TABLE AS after", "DELETE": "OLD TABLE AS before"}  # fmt: skip
# Transition tables allow neither several events nor a list of columns, so each event has a trigger of its own.
TRIGGERS = tuple(
    (f"athlete_words_{event.lower()}", table, event, function)
    for table, events, function in (
        ("athlete", ("INSERT", "UPDATE", "DELETE"), "athlete_words_of_athletes"),
        ("athlete_external_id", ("INSERT", "UPDATE", "DELETE"), "athlete_words_of_external_ids"),
    )
    for event in events
)

ROW_TRIGGERS = (
    ("athlete_words_added", "athlete", """
CREATE TRIGGER athlete_words_added AFTER INSERT ON athlete
    FOR EACH ROW EXECUTE FUNCTION athlete_words_of_athlete()"""),
    ("athlete_words_changed", "athlete", """
CREATE TRIGGER athlete_words_changed AFTER UPDATE OF name, external_id ON athlete FOR EACH ROW
    WHEN (NEW.name <> OLD.name OR NEW.external_id IS DISTINCT FROM OLD.external_id)
    EXECUTE FUNCTION athlete_words_of_athlete()"""),
    ("athlete_words_changed", "athlete_external_id", """
CREATE TRIGGER athlete_words_changed AFTER INSERT OR UPDATE OR DELETE ON athlete_external_id
    FOR EACH ROW EXECUTE FUNCTION athlete_words_of_external_id()"""),
)  # fmt: skip


FOREIGN_KEY = "fk_athlete_word_athlete"


def upgrade() -> None:
    # The triggers alone keep the words: fifteen thousand references to check were most of an import.
    op.drop_constraint(FOREIGN_KEY, "athlete_word", type_="foreignkey")
    for trigger, table, _ in ROW_TRIGGERS:
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
    for name, _ in reversed(ROW_FUNCTIONS):
        op.execute(f"DROP FUNCTION {name}")
    _add_functions(FUNCTIONS)
    for trigger, table, event, function in TRIGGERS:
        op.execute(
            f"CREATE TRIGGER {trigger} AFTER {event} ON {table} REFERENCING {_WATCHED[event]}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
        )


def _add_functions(functions: tuple[tuple[str, str], ...]) -> None:
    for name, definition in functions:
        op.execute(definition)
        op.execute(f"REVOKE EXECUTE ON FUNCTION {name} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO plumbline_app")


def downgrade() -> None:
    for trigger, table, _, _ in TRIGGERS:
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
    for name, _ in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {name}")
    _add_functions(ROW_FUNCTIONS)
    for _, _, statement in ROW_TRIGGERS:
        op.execute(statement)
    op.create_foreign_key(
        FOREIGN_KEY,
        "athlete_word",
        "athlete",
        ["organisation_id", "athlete_id"],
        ["organisation_id", "id"],
        ondelete="CASCADE",
    )
