"""athletes whole: names, ids in other systems, bibs, tombstones, and acts that can be undone"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

CURRENT_ORGANISATION = "(SELECT nullif(current_setting('app.org_id', true), '')::uuid)"
TABLES = {
    "athlete_external_id": "SELECT, INSERT, UPDATE, DELETE",
    "athlete_tombstone": "SELECT, INSERT, DELETE",
    "roster_change": "SELECT, INSERT, UPDATE, DELETE",
    "roster_change_item": "SELECT, INSERT, DELETE",
}

TEXT_COLUMNS = ("given_name", "family_name", "sync_id", "sport", "position", "level", "email", "phone")


def upgrade() -> None:
    for name in TEXT_COLUMNS:
        op.add_column("athlete", sa.Column(name, sa.Text(), nullable=True))
    op.add_column("athlete", sa.Column("date_of_birth", sa.Date(), nullable=True))
    op.add_column("athlete", sa.Column("mass_kg", sa.Double(), nullable=True))
    op.add_column("athlete", sa.Column("leg_dominance", sa.String(length=32), nullable=True))
    op.add_column("athlete", sa.Column("active", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.add_column("athlete", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.add_column(
        "athlete",
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.create_check_constraint(op.f("ck_athlete_mass_positive"), "athlete", "mass_kg > 0")
    op.create_unique_constraint(
        op.f("uq_athlete_organisation_id_sync_id"), "athlete", ["organisation_id", "sync_id"]
    )
    op.create_index("ix_athlete_changed", "athlete", ["organisation_id", "updated_at", "id"])
    op.add_column("team_member", sa.Column("bib", sa.Text(), nullable=True))
    op.create_unique_constraint(
        op.f("uq_team_member_organisation_id_team_id_bib"),
        "team_member",
        ["organisation_id", "team_id", "bib"],
    )
    _create_external_ids()
    _create_changes()
    for table, privileges in TABLES.items():
        condition = f"organisation_id = {CURRENT_ORGANISATION}"
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {table} USING ({condition}) WITH CHECK ({condition})")
        op.execute(f"GRANT {privileges} ON {table} TO plumbline_app")


def _create_external_ids() -> None:
    op.create_table(
        "athlete_external_id",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("system", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("athlete_id", sa.Uuid(), nullable=False),
        sa.Column("inherited", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "athlete_id"],
            ["athlete.organisation_id", "athlete.id"],
            name=op.f("fk_athlete_external_id_athlete"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("organisation_id", "system", "value", name=op.f("pk_athlete_external_id")),
    )
    op.create_index(
        "uq_athlete_external_id_shown",
        "athlete_external_id",
        ["organisation_id", "athlete_id", "system"],
        unique=True,
        postgresql_where=sa.text("NOT inherited"),
    )
    op.create_index(
        op.f("ix_athlete_external_id_organisation_id_athlete_id"),
        "athlete_external_id",
        ["organisation_id", "athlete_id"],
    )
    op.create_table(
        "athlete_tombstone",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("merged_into", sa.Uuid(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_athlete_tombstone_organisation"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_athlete_tombstone")),
    )
    op.create_index(
        op.f("ix_athlete_tombstone_organisation_id_deleted_at"),
        "athlete_tombstone",
        ["organisation_id", "deleted_at"],
    )


def _create_changes() -> None:
    op.create_table(
        "roster_change",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("detail", postgresql.JSONB(), nullable=False),
        sa.Column("actor_user_id", sa.Uuid(), nullable=True),
        sa.Column("actor_api_key_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_roster_change_organisation"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_change")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_roster_change_organisation_id_id")),
    )
    op.create_index(
        op.f("ix_roster_change_organisation_id_created_at_id"),
        "roster_change",
        ["organisation_id", "created_at", "id"],
    )
    op.create_table(
        "roster_change_item",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("change_id", sa.Uuid(), nullable=False),
        sa.Column("athlete_id", sa.Uuid(), nullable=False),
        sa.Column("before", postgresql.JSONB(), nullable=True),
        sa.Column("after", postgresql.JSONB(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "change_id"],
            ["roster_change.organisation_id", "roster_change.id"],
            name=op.f("fk_roster_change_item_roster_change"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_change_item")),
    )
    for columns in (["organisation_id", "change_id", "id"], ["organisation_id", "athlete_id"]):
        op.create_index(op.f("ix_roster_change_item_" + "_".join(columns)), "roster_change_item", columns)


def downgrade() -> None:
    for table in reversed(list(TABLES)):
        op.drop_table(table)
    op.drop_constraint("uq_team_member_organisation_id_team_id_bib", "team_member", type_="unique")
    op.drop_column("team_member", "bib")
    op.drop_index("ix_athlete_changed", "athlete")
    for name in (
        *TEXT_COLUMNS,
        "date_of_birth",
        "mass_kg",
        "leg_dominance",
        "active",
        "version",
        "updated_at",
    ):
        op.drop_column("athlete", name)
