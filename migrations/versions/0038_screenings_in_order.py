"""screenings of an organisation in the order in which they are listed"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

ORDER = ["organisation_id", sa.text("screened_on DESC"), sa.text("id DESC")]


def upgrade() -> None:
    op.create_index("ix_screening_newest", "screening", ORDER)


def downgrade() -> None:
    op.drop_index("ix_screening_newest", "screening")
