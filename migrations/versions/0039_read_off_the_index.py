"""a page of the feed is read off indexes: what it tells of an analysis beside its numbers lies together there"""

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

# Ids grow with time, so what one organisation filmed one after the other lies on a few pages of an index, and on as
# many pages of the table as there are rows: other organisations filmed in between.
TOLD = {
    "analysis": ("id", ("recording_id", "run", "created_at", "model_sha256", "code_version", "input_sha256")),
    "recording": ("id", ("athlete_id", "trial_id", "screened_on", "movement", "view")),
    "trial": ("id", ("screening_id",)),
    "analysis_pictures": ("analysis_id", ("state",)),
}


def upgrade() -> None:
    for table, (key, told) in TOLD.items():
        op.create_index(f"ix_{table}_told", table, ["organisation_id", key], postgresql_include=list(told))


def downgrade() -> None:
    for table in TOLD:
        op.drop_index(f"ix_{table}_told", table)
