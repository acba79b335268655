"""roster files on their way in, and guardians"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

CURRENT_ORGANISATION = "(SELECT nullif(current_setting('app.org_id', true), '')::uuid)"


def upgrade() -> None:
    op.add_column(
        "athlete",
        sa.Column("guardians", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
    )
    op.create_table(
        "roster_import",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=True),
        sa.Column("options", postgresql.JSONB(), nullable=False),
        sa.Column("report", postgresql.JSONB(), nullable=True),
        sa.Column("change_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_roster_import_organisation"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_import")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_roster_import_organisation_id_id")),
    )
    op.create_index(
        op.f("ix_roster_import_organisation_id_created_at"),
        "roster_import",
        ["organisation_id", "created_at"],
    )
    condition = f"organisation_id = {CURRENT_ORGANISATION}"
    op.execute("ALTER TABLE roster_import ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE roster_import FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON roster_import USING ({condition}) WITH CHECK ({condition})")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON roster_import TO plumbline_app")


def downgrade() -> None:
    op.drop_table("roster_import")
    op.drop_column("athlete", "guardians")
