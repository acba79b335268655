"""Fill a database the way years of use do, quickly: rows are made by PostgreSQL itself, from counters.

Organisations differ in size as clubs do: a few have thousands of athletes, most some hundred. Every athlete is
screened `RECORDINGS_PER_ATHLETE` times over three years, athletes of all organisations in turns, so that the rows of
one athlete, and of one organisation, lie far apart on the disk. Triggers and foreign keys rest meanwhile.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from app.biomech.method import BANDS, METHOD_VERSION
from app.db.migrate import upgrade
from app.db.provision import DatabaseUrls, drop_database, provision

SEED_VERSION = 3
"""Part of the database's name: another seed is another database."""
RECORDINGS_PER_ATHLETE = 10
TEAM_SIZE = 25
SQUAD_SIZE = 400
"""Besides the teams of 25, each organisation has one of up to 400: a whole club on one page."""
METRICS = (
    ("fppa", "left", "deg", "peak_knee_flexion"),
    ("fppa", "right", "deg", "peak_knee_flexion"),
    ("fppa", "both", "deg", "peak_knee_flexion"),
    ("knee_valgus_displacement", "left", "deg", "landing"),
    ("knee_valgus_displacement", "right", "deg", "landing"),
    ("knee_valgus_displacement", "both", "deg", "landing"),
    ("knee_ankle_separation_ratio", "both", "1", "peak_knee_flexion"),
    ("lateral_trunk_lean", "both", "deg", "peak_knee_flexion"),
    ("contact_time", "both", "s", "take_off"),
    ("jump_height", "both", "m", "second_contact"),
)
"""What an analysis of most organisations holds: fewer numbers than one has today, to keep the files small."""
MORE_METRICS = tuple(
    (key, side, unit, event)
    for keys, sides, unit, events in (
        ("fppa", "left right both", "deg", "initial_contact peak"),
        ("fppa_frontal", "left right both", "deg", "initial_contact peak_knee_flexion peak"),
        ("knee_valgus_motion medial_knee_displacement", "left right both", "cm", "landing"),
        ("knee_over_midfoot", "left right", "%", "initial_contact"),
        ("knee_over_toe", "left right", "%", "peak"),
        ("toe_angle", "left right", "deg", "landing"),
        ("hip_adduction", "left right", "deg", "peak_knee_flexion"),
        ("knee_ankle_separation_ratio", "both", "1", "initial_contact minimum"),
        ("knee_separation", "both", "cm", "initial_contact peak_knee_flexion minimum"),
        ("lateral_trunk_lean", "both", "deg", "initial_contact peak"),
        ("stance_width", "both", "1", "initial_contact"),
        ("foot_contact_difference", "both", "ms", "initial_contact"),
        ("flight_time", "both", "s", "second_contact"),
        ("reactive_strength_index", "both", "m/s", "second_contact"),
    )
    for key in keys.split()
    for side in sides.split()
    for event in events.split()
)
"""What the analyses of the largest organisation hold besides: as many in all as a drop jump has. In the large database
they are over two million numbers of one organisation."""
_CHUNK = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedSize:
    """How much is made."""

    n_organisations: int
    n_athletes: int

    @property
    def n_recordings(self) -> int:
        """Every one analysed or rejected, but for a few that wait."""
        return self.n_athletes * RECORDINGS_PER_ATHLETE

    @property
    def database(self) -> str:
        """The name of the database that holds it."""
        return f"bench_v{SEED_VERSION}_{self.n_organisations}_{self.n_athletes}"


def seeded_database(admin_url: str, size: SeedSize, *, say: Callable[[str], None]) -> DatabaseUrls:
    """Return a database of that size at today's schema: made on first need, kept, and migrated later on."""
    if not _is_whole(admin_url, size):
        drop_database(admin_url, size.database)  # what a run left that was interrupted
    urls = provision(admin_url, database=size.database)
    started_s = time.monotonic()
    upgrade(urls.owner_url)
    if _is_whole(admin_url, size):
        say(f"{size.database}: migrated in {time.monotonic() - started_s:.1f} s")
        return urls
    admin = create_engine(make_url(admin_url).set(database=size.database), isolation_level="AUTOCOMMIT")
    try:
        with admin.connect() as connection:
            seed(connection, size, say=say)
            connection.exec_driver_sql("CREATE TABLE bench_seeded ()")
    finally:
        admin.dispose()
    return urls


def _is_whole(admin_url: str, size: SeedSize) -> bool:
    """Say whether the database is there and was filled to the end."""
    admin = create_engine(make_url(admin_url).set(database=size.database))
    try:
        with admin.connect() as connection:
            return bool(connection.scalar(text("SELECT to_regclass('public.bench_seeded') IS NOT NULL")))
    except OperationalError:
        return False
    finally:
        admin.dispose()


def seed(connection: Connection, size: SeedSize, *, say: Callable[[str], None]) -> None:
    """Fill an empty, migrated database, as a superuser."""
    connection.exec_driver_sql("SET session_replication_role = replica")
    connection.exec_driver_sql("SET synchronous_commit = off")
    for statement in _FUNCTIONS:
        connection.exec_driver_sql(statement.replace("{n_recordings}", str(size.n_recordings)))
    values = {
        "n_organisations": size.n_organisations,
        "n_athletes": size.n_athletes,
        "n_recordings": size.n_recordings,
        "method_version": METHOD_VERSION,
        "team_size": TEAM_SIZE,
        "squad_size": SQUAD_SIZE,
        **{f"band_{number}": band.name for number, band in enumerate(BANDS)},
    }
    for name, statement in _ROSTER.items():
        _run(connection, name, statement, values, say=say)
    for first in range(0, size.n_recordings, _CHUNK):
        chunk = {**values, "first": first, "last": min(first + _CHUNK, size.n_recordings) - 1}
        for name, statement in _RECORDINGS.items():
            _run(connection, f"{name} from {first}", statement, chunk, say=say)
    started_s = time.monotonic()
    connection.exec_driver_sql("VACUUM (ANALYZE)")
    say(f"vacuum: {time.monotonic() - started_s:.1f} s")
    connection.exec_driver_sql("SET session_replication_role = origin")


def _run(
    connection: Connection,
    name: str,
    statement: str,
    values: dict[str, object],
    *,
    say: Callable[[str], None],
) -> None:
    started_s = time.monotonic()
    used = {key: value for key, value in values.items() if f":{key}" in statement}
    result = connection.execute(text(statement), used)
    say(f"{name}: {result.rowcount} rows, {time.monotonic() - started_s:.1f} s")


_FUNCTIONS = (
    # As a UUIDv7 the id grows with its number, as that of rows made one after the other does.
    """
CREATE FUNCTION pg_temp.made_id(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex(1672531200000 + n * 94000), 12, '0') || '7' || substr(md5(kind || n), 1, 3)
            || '8' || substr(md5(kind || n), 4, 15))::uuid $$""",
    """
CREATE FUNCTION pg_temp.share(kind text, n bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT (hashtextextended(kind, n) & 16777215) / 16777216.0 $$""",
    # The first organisations are the large ones.
    """
CREATE FUNCTION pg_temp.club_of(athlete bigint, n_athletes bigint, n_organisations bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT floor(n_organisations * power(athlete::float8 / n_athletes, 1.7))::bigint $$""",
    """
CREATE FUNCTION pg_temp.at(recording bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT to_timestamp(1672531200 + recording * (94000000.0 / {n_recordings})) $$""",
)

_GIVEN = "Ada,Amara,Astrid,Béatrice,Camille,Chiara,Dilara,Elif,Emma,Esther,Fatou,Freya,Greta,Hanna,Ines,Ivana,Jana,Jóhanna,Kaja,Lena,Linnéa,Lotte,Maja,Malin,Mia,Nadia,Naomi,Noor,Olivia,Paula,Rania,Renée,Rosa,Sara,Signe,Siri,Sofía,Tess,Thea,Vera,Yara,Zoë"  # fmt: skip
_FAMILY = "Aalto,Adeyemi,Almeida,Andersson,Bakker,Bauer,Berg,Bianchi,Çelik,Dahl,Diallo,Dubois,Eriksen,Fernández,Fischer,Fontaine,García,Haddad,Hansen,Holm,Ivanova,Jansen,Johansson,Keller,Kowalska,Kraus,Larsen,Lindqvist,Lund,Marchetti,Meyer,Moreau,Müller,Nakamura,Nguyen,Nielsen,Novak,O'Brien,Okafor,Okonkwo,Olsen,Østergaard,Park,Pérez,Petrov,Quinn,Ribeiro,Rossi,Sanchez,Schmidt,Schröder,Silva,Smit,Suzuki,Svensson,Tanaka,Visser,Wagner,Weber,Yilmaz,Ziegler"  # fmt: skip

# Every name in these statements is of this file; values are parameters.
# ruff: noqa: S608
_ROSTER = {
    "organisations": """
INSERT INTO organisation (id, name)
SELECT pg_temp.made_id('club', k), 'Club ' || k FROM generate_series(0, :n_organisations - 1) k""",
    "athletes": f"""
INSERT INTO athlete (id, organisation_id, name, external_id, sex, stature_cm)
SELECT pg_temp.made_id('athlete', a), pg_temp.made_id('club', pg_temp.club_of(a, :n_athletes, :n_organisations)),
       given.names[1 + floor(pg_temp.share('given', a) * 42)::int] || ' ' ||
       family.names[1 + floor(pg_temp.share('family', a) * 61)::int],
       'H-' || a, CASE WHEN pg_temp.share('sex', a) < 0.7 THEN 'female' ELSE 'male' END,
       150 + 40 * pg_temp.share('stature', a)
  FROM generate_series(0, :n_athletes - 1) a,
       (SELECT string_to_array('{_GIVEN}', ',') AS names) given,
       (SELECT string_to_array('{_FAMILY.replace("'", "''")}', ',') AS names) family""",
    "athlete words": """
SELECT organisation_id, athlete_words_keep(organisation_id, array_agg(id)) FROM athlete GROUP BY organisation_id""",
    "teams": """
INSERT INTO team (id, organisation_id, name)
SELECT pg_temp.made_id('team' || k, t), pg_temp.made_id('club', k),
       CASE t WHEN 0 THEN 'Squad' ELSE 'Team ' || lpad(t::text, 3, '0') END
  FROM (SELECT pg_temp.club_of(a, :n_athletes, :n_organisations) AS k, count(*) AS n_athletes
          FROM generate_series(0, :n_athletes - 1) a GROUP BY 1) club,
       generate_series(0, ceil(club.n_athletes::float8 / :team_size)::int) t""",
    "team members": """
INSERT INTO team_member (organisation_id, team_id, athlete_id)
SELECT pg_temp.made_id('club', k), pg_temp.made_id('team' || k, t), pg_temp.made_id('athlete', a)
  FROM (SELECT a, pg_temp.club_of(a, :n_athletes, :n_organisations) AS k,
               row_number() OVER (PARTITION BY pg_temp.club_of(a, :n_athletes, :n_organisations) ORDER BY a) AS place
          FROM generate_series(0, :n_athletes - 1) a) member,
       LATERAL (SELECT ceil(place::float8 / :team_size)::int AS t
                UNION ALL SELECT 0 WHERE place <= :squad_size) teams""",
}

_EACH = """
  FROM (SELECT r, r * 7919 % :n_athletes AS a,
               pg_temp.club_of(r * 7919 % :n_athletes, :n_athletes, :n_organisations) AS k
          FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) r) each_one"""
_WAITS = "r >= :n_recordings - 20"
_FAILED = "pg_temp.share('failed', r) < 0.002"
_INVALID = "pg_temp.share('verdict', r) < 0.05"
_ANALYSED = f" WHERE NOT ({_WAITS}) AND NOT ({_FAILED})"
_SCORED = f"{_ANALYSED} AND NOT ({_INVALID})"
_SCORE = "floor(90 * power(pg_temp.share('score', r), 1.3))"
_BAND = f"CASE WHEN {_SCORE} < 30 THEN :band_0 WHEN {_SCORE} < 60 THEN :band_1 ELSE :band_2 END"
_STATE = f"CASE WHEN {_WAITS} THEN 'queued' WHEN {_FAILED} THEN 'failed' WHEN {_INVALID} THEN 'rejected' ELSE 'analysed' END"
_METRIC_ROWS = ", ".join(
    f"({position}, '{key}', '{side}', '{unit}', '{event}')"
    for position, (key, side, unit, event) in enumerate((*METRICS, *MORE_METRICS))
)

_RECORDINGS = {
    "screenings": f"""
INSERT INTO screening (id, organisation_id, athlete_id, screened_on, context, created_at)
SELECT pg_temp.made_id('screening', r), pg_temp.made_id('club', k), pg_temp.made_id('athlete', a),
       pg_temp.at(r)::date, 'baseline', pg_temp.at(r) {_EACH}""",
    "trials": f"""
INSERT INTO trial (id, organisation_id, screening_id, movement, number, created_at)
SELECT pg_temp.made_id('trial', r), pg_temp.made_id('club', k), pg_temp.made_id('screening', r),
       'drop_vertical_jump', 1, pg_temp.at(r) {_EACH}""",
    "recordings": f"""
INSERT INTO recording (id, organisation_id, athlete_id, trial_id, screened_on, context, movement, view, box_height_cm,
       state, progress, run, attempt, max_attempts, queued_at, sent_at, failure_code, filename, blob_key, size_bytes,
       sha256, container, codec, width_px, height_px, duration_s, created_at, updated_at)
SELECT pg_temp.made_id('recording', r), pg_temp.made_id('club', k), pg_temp.made_id('athlete', a),
       pg_temp.made_id('trial', r), pg_temp.at(r)::date, 'baseline', 'drop_vertical_jump', 'frontal', 31,
       {_STATE}, CASE WHEN {_WAITS} THEN 0 ELSE 1 END, 1, CASE WHEN {_WAITS} THEN 0 ELSE 1 END, 3, pg_temp.at(r),
       CASE WHEN {_WAITS} THEN now() + interval '10 years' ELSE pg_temp.at(r) END,
       CASE WHEN {_FAILED} AND NOT ({_WAITS}) THEN 'reader_died' END, 'IMG_' || r || '.MOV',
       pg_temp.made_id('club', k) || '/' || pg_temp.made_id('recording', r) || '/original.mov',
       18400000, md5('sha' || r) || md5('256' || r), 'mov', 'h264', 1080, 1920, 4.2, pg_temp.at(r), pg_temp.at(r) {_EACH}""",
    "recording events": f"""
INSERT INTO recording_event (organisation_id, recording_id, from_state, trigger, to_state, run, attempt, created_at)
SELECT pg_temp.made_id('club', k), pg_temp.made_id('recording', r), step.from_state, step.trigger, step.to_state, 1, 0,
       pg_temp.at(r) {_EACH},
       (VALUES (NULL, 'uploaded', 'received'), ('received', 'accepted', 'queued')) step (from_state, trigger, to_state)""",
    "analyses": f"""
INSERT INTO analysis (id, organisation_id, recording_id, run, lease_token, verdict, method_version, model_sha256,
       code_version, input_sha256, video_width_px, video_height_px, video_duration_s, video_n_frames,
       video_nominal_fps_hz, video_rotation_deg, video_codec, track_key, kinematics_key, created_at)
SELECT pg_temp.made_id('analysis', r), pg_temp.made_id('club', k), pg_temp.made_id('recording', r), 1,
       pg_temp.made_id('lease', r),
       CASE WHEN {_INVALID} THEN 'invalid' WHEN pg_temp.share('verdict', r) < 0.15 THEN 'attention' ELSE 'valid' END,
       :method_version, repeat('a', 64), '0.1.0', md5('sha' || r) || md5('256' || r), 1080, 1920, 4.2, 252, 60, 0, 'h264',
       'track', 'kinematics', pg_temp.at(r) {_EACH} {_ANALYSED}""",
    "feed": f"""
INSERT INTO analysis_feed (organisation_id, analysis_id, recording_id, athlete_id, verdict, method_version, modified_at)
SELECT pg_temp.made_id('club', k), pg_temp.made_id('analysis', r), pg_temp.made_id('recording', r),
       pg_temp.made_id('athlete', a),
       CASE WHEN {_INVALID} THEN 'invalid' WHEN pg_temp.share('verdict', r) < 0.15 THEN 'attention' ELSE 'valid' END,
       :method_version, pg_temp.at(r) {_EACH} {_ANALYSED}""",
    "pictures": f"""
INSERT INTO analysis_pictures (organisation_id, analysis_id, state, attempt, max_attempts, overlay_key, still_keys)
SELECT pg_temp.made_id('club', k), pg_temp.made_id('analysis', r), 'done', 1, 3, 'overlay', '{{"92": "still"}}'
       {_EACH} {_ANALYSED}""",
    "events": f"""
INSERT INTO analysis_event (id, organisation_id, analysis_id, position, name, side, time_s, frame, sd_s, source)
SELECT pg_temp.made_id('event' || item.position, r), pg_temp.made_id('club', k), pg_temp.made_id('analysis', r),
       item.position, item.name, 'both', item.time_s, 60 * item.time_s, 0.004, 'auto' {_EACH},
       (VALUES (0, 'initial_contact', 1.4), (1, 'peak_knee_flexion', 1.6)) item (position, name, time_s) {_SCORED}""",
    "metrics": f"""
INSERT INTO metric (id, organisation_id, analysis_id, position, key, side, value, unit, event, se)
SELECT pg_temp.made_id('metric' || item.position, r), pg_temp.made_id('club', k), pg_temp.made_id('analysis', r),
       item.position, item.key, item.side, 30 * pg_temp.share(item.key || item.side, r), item.unit, item.event, 2.5 {_EACH},
       (VALUES {_METRIC_ROWS}) item (position, key, side, unit, event) {_SCORED}
       AND (item.position < {len(METRICS)} OR each_one.k = 0)""",
    "findings": f"""
INSERT INTO finding (id, organisation_id, analysis_id, position, code, severity, message, how_to_fix)
SELECT pg_temp.made_id('finding', r), pg_temp.made_id('club', k), pg_temp.made_id('analysis', r), 0,
       CASE WHEN {_INVALID} THEN 'no_person' ELSE 'fps_low' END, CASE WHEN {_INVALID} THEN 'error' ELSE 'warning' END,
       'Something about the video.', 'What to do about it.' {_EACH} {_ANALYSED} AND pg_temp.share('verdict', r) < 0.15""",
    "flagged frames": f"""
INSERT INTO flagged_frame (id, organisation_id, analysis_id, position, frame, time_s, reason, side)
SELECT pg_temp.made_id('flagged', r), pg_temp.made_id('club', k), pg_temp.made_id('analysis', r), 0, 92, 1.53,
       'peak_knee_flexion', 'both' {_EACH} {_SCORED}""",
    "assessments": f"""
INSERT INTO assessment (id, organisation_id, analysis_id, value, band, band_probability, interval_90_low,
       interval_90_high, coverage, scope, created_at)
SELECT pg_temp.made_id('assessment', r), pg_temp.made_id('club', k), pg_temp.made_id('analysis', r), {_SCORE}, {_BAND},
       0.7, greatest(0, {_SCORE} - 12), {_SCORE} + 10, 0.6, 'frontal', pg_temp.at(r) {_EACH} {_SCORED}""",
    "components": f"""
INSERT INTO assessment_component (id, organisation_id, assessment_id, position, key, side, value, unit, cutoff,
       probability, weight, mark)
SELECT pg_temp.made_id('component' || item.position, r), pg_temp.made_id('club', k), pg_temp.made_id('assessment', r),
       item.position, item.key, 'both', 30 * pg_temp.share(item.key, r), item.unit, item.cutoff, 0.6, item.weight, 'P' {_EACH},
       (VALUES (0, 'knee_valgus_displacement', 'deg', 10.6, 20.0), (1, 'knee_ankle_separation_ratio', '1', 0.8, 15.0))
       item (position, key, unit, cutoff, weight) {_SCORED}""",
    "summaries": f"""
INSERT INTO analysis_summary (organisation_id, analysis_id, content)
SELECT club, analysis, summarise_analysis(club, analysis)
  FROM (SELECT pg_temp.made_id('club', k) AS club, pg_temp.made_id('analysis', r) AS analysis {_EACH} {_ANALYSED}) made""",
}
