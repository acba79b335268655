"""where a flash stands out in the pictures of a recording"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("analysis", sa.Column("video_flash_s", sa.Float(), nullable=True))


def downgrade() -> None:
    op.drop_column("analysis", "video_flash_s")
