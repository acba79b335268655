"""where a clap stands out in the sound of a recording"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("analysis", sa.Column("video_clap_s", sa.Float(), nullable=True))


def downgrade() -> None:
    op.drop_column("analysis", "video_clap_s")
