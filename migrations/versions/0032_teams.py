"""teams with a sport and a season, and archived ones"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("team", sa.Column("sport", sa.Text(), nullable=True))
    op.add_column("team", sa.Column("season", sa.Text(), nullable=True))
    op.add_column("team", sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for column in ("archived_at", "season", "sport"):
        op.drop_column("team", column)
