"""repetitions: which of several an event or a metric belongs to"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What is stored already belongs to movements that are done once: it stays without a number."""
    op.add_column("analysis_event", sa.Column("repetition", sa.SmallInteger(), nullable=True))
    op.add_column("metric", sa.Column("repetition", sa.SmallInteger(), nullable=True))


def downgrade() -> None:
    """Values of single repetitions cannot be told from those of the trial without it, so they go first."""
    op.execute("DELETE FROM metric WHERE repetition IS NOT NULL")
    op.drop_column("metric", "repetition")
    op.drop_column("analysis_event", "repetition")
