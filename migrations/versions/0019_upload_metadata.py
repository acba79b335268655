"""what a tus client told of its upload, to be told back"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("capture", sa.Column("upload_metadata", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("capture", "upload_metadata")
