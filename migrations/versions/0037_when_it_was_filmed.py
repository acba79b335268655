"""when a recording was filmed, as whoever sent it said"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("recording", "capture"):
        op.add_column(table, sa.Column("captured_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for table in ("capture", "recording"):
        op.drop_column(table, "captured_at")
