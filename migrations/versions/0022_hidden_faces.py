"""pictures say whether faces are hidden in them"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "analysis_pictures", sa.Column("blurred", sa.Boolean(), server_default=sa.false(), nullable=False)
    )


def downgrade() -> None:
    op.execute("DELETE FROM consent_decision WHERE purpose = 'show_face'")
    op.drop_column("analysis_pictures", "blurred")
