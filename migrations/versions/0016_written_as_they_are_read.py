"""what an analysis says and what a screening was judged to be, written once as they are read"""

import sqlalchemy as sa
from alembic import op

from migrations.policies import limit, protect

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

SHOWN_NUMBER = """
CREATE FUNCTION shown_number(given double precision) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    -- As documents show a number: four digits, and none where it is not one.
    SELECT CASE WHEN abs(given) < 'Infinity' THEN trim_scale(round(given::numeric, 4)) END
$$"""

SUMMARISE = """
CREATE FUNCTION summarise_analysis(organisation uuid, analysis uuid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    -- Rows rather than json_build_object, which puts blanks around every colon.
    SELECT row_to_json(told)::text FROM (SELECT
        (SELECT row_to_json(score) FROM (
            SELECT public.shown_number(s.value) AS value, s.band,
                   public.shown_number(s.band_probability) AS band_probability,
                   json_build_array(public.shown_number(s.interval_90_low),
                                    public.shown_number(s.interval_90_high)) AS interval_90,
                   public.shown_number(s.coverage) AS coverage, s.scope
              FROM public.assessment s WHERE s.organisation_id = organisation AND s.analysis_id = analysis
        ) score) AS score,
        (SELECT coalesce(json_agg(row_to_json(finding)), '[]') FROM (
            SELECT f.code, f.severity
              FROM public.finding f WHERE f.organisation_id = organisation AND f.analysis_id = analysis
             ORDER BY f.position
        ) finding) AS findings,
        (SELECT coalesce(json_agg(row_to_json(metric)), '[]') FROM (
            SELECT m.key, m.side, public.shown_number(m.value) AS value, m.unit, m.event,
                   public.shown_number(m.se) AS se, m.repetition
              FROM public.metric m WHERE m.organisation_id = organisation AND m.analysis_id = analysis
             ORDER BY m.position
        ) metric) AS metrics) told
$$"""

ANALYSIS_MADE = """
CREATE FUNCTION analysis_summary_of_analysis() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.analysis_summary (organisation_id, analysis_id, content)
    VALUES (NEW.organisation_id, NEW.id, public.summarise_analysis(NEW.organisation_id, NEW.id));
    RETURN NULL;
END $$"""

JUDGED_OF_RECORDING = """
CREATE FUNCTION screening_judgement_of_recording() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM public.screening_judgement j USING public.trial t
     WHERE t.organisation_id = OLD.organisation_id AND t.id = OLD.trial_id
       AND j.organisation_id = t.organisation_id AND j.screening_id = t.screening_id;
    RETURN NULL;
END $$"""

JUDGED_OF_ANALYSIS = """
CREATE FUNCTION screening_judgement_of_analysis() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM public.screening_judgement j USING public.recording r, public.trial t
     WHERE r.organisation_id = OLD.organisation_id AND r.id = OLD.recording_id
       AND t.organisation_id = r.organisation_id AND t.id = r.trial_id
       AND j.organisation_id = t.organisation_id AND j.screening_id = t.screening_id;
    RETURN NULL;
END $$"""

JUDGED_OF_TRIAL = """
CREATE FUNCTION screening_judgement_of_trial() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    DELETE FROM public.screening_judgement j
     WHERE j.organisation_id = OLD.organisation_id AND j.screening_id = OLD.screening_id;
    RETURN NULL;
END $$"""

FUNCTIONS = (
    ("shown_number(double precision)", SHOWN_NUMBER),
    ("summarise_analysis(uuid, uuid)", SUMMARISE),
    ("analysis_summary_of_analysis()", ANALYSIS_MADE),
    ("screening_judgement_of_recording()", JUDGED_OF_RECORDING),
    ("screening_judgement_of_analysis()", JUDGED_OF_ANALYSIS),
    ("screening_judgement_of_trial()", JUDGED_OF_TRIAL),
)

TRIGGERS = (
    # At the end of the transaction: then the numbers are there.
    ("analysis_summary", "analysis", """
CREATE CONSTRAINT TRIGGER analysis_summary AFTER INSERT ON analysis
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION analysis_summary_of_analysis()"""),
    # What was judged of results that are gone, hidden or somebody else's goes with them, whoever removed them.
    ("screening_judgement", "analysis", """
CREATE TRIGGER screening_judgement AFTER DELETE ON analysis
    FOR EACH ROW EXECUTE FUNCTION screening_judgement_of_analysis()"""),
    ("screening_judgement", "recording", """
CREATE TRIGGER screening_judgement AFTER UPDATE OF trial_id, withheld ON recording FOR EACH ROW
    WHEN (NEW.trial_id IS DISTINCT FROM OLD.trial_id OR NEW.withheld <> OLD.withheld)
    EXECUTE FUNCTION screening_judgement_of_recording()"""),
    ("screening_judgement_deleted", "recording", """
CREATE TRIGGER screening_judgement_deleted AFTER DELETE ON recording
    FOR EACH ROW EXECUTE FUNCTION screening_judgement_of_recording()"""),
    ("screening_judgement", "trial", """
CREATE TRIGGER screening_judgement AFTER UPDATE OF screening_id ON trial FOR EACH ROW
    WHEN (NEW.screening_id <> OLD.screening_id)
    EXECUTE FUNCTION screening_judgement_of_trial()"""),
)  # fmt: skip

READ_FOR_SUMMARIES = ("analysis", "assessment", "finding", "metric")


def upgrade() -> None:
    op.create_table(
        "analysis_summary",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("analysis_id", sa.Uuid(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        _part_of("analysis_summary", "analysis"),
        sa.PrimaryKeyConstraint("organisation_id", "analysis_id", name=op.f("pk_analysis_summary")),
    )
    op.create_table(
        "screening_judgement",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("screening_id", sa.Uuid(), nullable=False),
        sa.Column("inputs_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("judged_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        _part_of("screening_judgement", "screening"),
        sa.PrimaryKeyConstraint("organisation_id", "screening_id", name=op.f("pk_screening_judgement")),
    )
    for name, definition in FUNCTIONS:
        op.execute(definition)
        op.execute(f"REVOKE EXECUTE ON FUNCTION {name} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO plumbline_app")
    # The owner sees every row for this transaction's filling.
    for table in READ_FOR_SUMMARIES:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "INSERT INTO analysis_summary (organisation_id, analysis_id, content)"
        " SELECT organisation_id, id, summarise_analysis(organisation_id, id) FROM analysis"
    )
    for table in READ_FOR_SUMMARIES:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    for _, _, statement in TRIGGERS:
        op.execute(statement)
    protect("analysis_summary", "SELECT, INSERT")
    protect("screening_judgement", "SELECT, INSERT, UPDATE, DELETE")
    limit("analysis_summary", "analysis_id", "analysis")
    limit("screening_judgement", "screening_id", "screening")


def _part_of(table: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organisation_id", f"{parent}_id"],
        [f"{parent}.organisation_id", f"{parent}.id"],
        name=op.f(f"fk_{table}_{parent}"),
        ondelete="CASCADE",
    )


def downgrade() -> None:
    for trigger, table, _ in TRIGGERS:
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
    for name, _ in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {name}")
    op.drop_table("screening_judgement")
    op.drop_table("analysis_summary")
