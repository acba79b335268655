"""how well lit and how finely stored the pictures of a recording are"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_COLUMNS = ("video_brightness", "video_contrast", "video_key_bits_per_pixel")


def upgrade() -> None:
    for name in _COLUMNS:
        op.add_column("analysis", sa.Column(name, sa.Float(), nullable=True))


def downgrade() -> None:
    for name in reversed(_COLUMNS):
        op.drop_column("analysis", name)
