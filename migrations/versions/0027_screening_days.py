"""screening days: a team at stations, the phones that come in there, and what they send"""

import sqlalchemy as sa
from alembic import op

from migrations.policies import limit, protect

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def _made_at() -> sa.Column[object]:
    return sa.Column(
        "created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
    )


def _organisation(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organisation_id"], ["organisation.id"], name=op.f(f"fk_{table}_organisation"), ondelete="RESTRICT"
    )


def _parent(table: str, column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organisation_id", column],
        [f"{parent}.organisation_id", f"{parent}.id"],
        name=op.f(f"fk_{table}_{parent}"),
        ondelete="CASCADE",
    )


def _maker(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["created_by"], ["user_account.id"], name=op.f(f"fk_{table}_user_account"), ondelete="SET NULL"
    )


def upgrade() -> None:
    _create_days()
    _create_passes()
    _create_captures()
    protect("screening_day", "SELECT, INSERT, UPDATE")
    protect("day_station", "SELECT, INSERT")
    # a phone is looked up by its code or its cookie before we know whose it is
    protect("station_pass", "SELECT, INSERT, UPDATE", while_nobody_is_known=True)
    protect("day_capture", "SELECT, INSERT, UPDATE")
    limit("screening_day", "team_id", "team")
    limit("day_station", "day_id", "screening_day")
    limit("station_pass", "station_id", "day_station")
    limit("day_capture", "capture_id", "capture")


def _create_days() -> None:
    op.create_table(
        "screening_day",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("held_on", sa.Date(), nullable=False),
        sa.Column("context", sa.String(length=32), nullable=False),
        sa.Column("movement", sa.String(length=32), nullable=False),
        sa.Column("views", sa.ARRAY(sa.String(length=32)), nullable=False),
        sa.Column("box_height_cm", sa.Double(), nullable=True),
        sa.Column("n_trials", sa.SmallInteger(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        _made_at(),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("n_trials > 0", name=op.f("ck_screening_day_trials_positive")),
        sa.CheckConstraint("cardinality(views) > 0", name=op.f("ck_screening_day_seen_from_somewhere")),
        _organisation("screening_day"),
        _parent("screening_day", "team_id", "team"),
        _maker("screening_day"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_screening_day")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_screening_day_organisation_id_id")),
    )
    op.create_index(
        "ix_screening_day_newest",
        "screening_day",
        ["organisation_id", sa.text("held_on DESC"), sa.text("id DESC")],
    )
    op.create_index(
        op.f("ix_screening_day_organisation_id_team_id"), "screening_day", ["organisation_id", "team_id"]
    )
    op.create_table(
        "day_station",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("day_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("view", sa.String(length=32), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        _parent("day_station", "day_id", "screening_day"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_day_station")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_day_station_organisation_id_id")),
        sa.UniqueConstraint(
            "organisation_id", "day_id", "number", name=op.f("uq_day_station_organisation_id_day_id_number")
        ),
    )


def _create_passes() -> None:
    op.create_table(
        "station_pass",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("code_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("code_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        _made_at(),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("token_sha256", sa.LargeBinary(), nullable=True),
        sa.Column("user_agent", sa.Text(), nullable=True),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        _organisation("station_pass"),
        _parent("station_pass", "station_id", "day_station"),
        _maker("station_pass"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_station_pass")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_station_pass_organisation_id_id")),
        sa.UniqueConstraint("code_sha256", name=op.f("uq_station_pass_code_sha256")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_station_pass_token_sha256")),
    )
    op.create_index(
        op.f("ix_station_pass_organisation_id_station_id_id"),
        "station_pass",
        ["organisation_id", "station_id", "id"],
    )


def _create_captures() -> None:
    op.create_table(
        "day_capture",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("capture_id", sa.Uuid(), nullable=False),
        sa.Column("day_id", sa.Uuid(), nullable=False),
        sa.Column("station_id", sa.Uuid(), nullable=False),
        sa.Column("pass_id", sa.Uuid(), nullable=True),
        sa.Column("position", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("said_by", sa.String(length=32), nullable=False),
        sa.Column("bib", sa.Text(), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        _parent("day_capture", "capture_id", "capture"),
        _parent("day_capture", "day_id", "screening_day"),
        _parent("day_capture", "station_id", "day_station"),
        sa.PrimaryKeyConstraint("organisation_id", "capture_id", name=op.f("pk_day_capture")),
    )
    op.create_index(
        op.f("ix_day_capture_organisation_id_day_id_position"),
        "day_capture",
        ["organisation_id", "day_id", "position"],
    )
    op.create_index(
        op.f("ix_day_capture_organisation_id_station_id"), "day_capture", ["organisation_id", "station_id"]
    )


def downgrade() -> None:
    for table in ("day_capture", "station_pass", "day_station", "screening_day"):
        op.drop_table(table)
