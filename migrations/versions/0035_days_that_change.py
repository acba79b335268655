"""screening days and stations that are put right or removed"""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("GRANT DELETE ON screening_day TO plumbline_app")
    op.execute("GRANT UPDATE, DELETE ON day_station TO plumbline_app")


def downgrade() -> None:
    op.execute("REVOKE DELETE ON screening_day FROM plumbline_app")
    op.execute("REVOKE UPDATE, DELETE ON day_station FROM plumbline_app")
