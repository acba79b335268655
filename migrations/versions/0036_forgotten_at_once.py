"""erasures whose rows go before their files"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "erasure",
        sa.Column("capture_ids", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
    )
    op.add_column("erasure", sa.Column("forgotten_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for column in ("forgotten_at", "capture_ids"):
        op.drop_column("erasure", column)
