"""an analysis that is withheld leaves the feed, and comes back into it"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TRIGGER = """
CREATE CONSTRAINT TRIGGER analysis_feed AFTER UPDATE OF {columns} ON recording
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.athlete_id IS DISTINCT FROM OLD.athlete_id OR (NEW.state = 'purged' AND OLD.state <> 'purged'){more})
    EXECUTE FUNCTION analysis_feed_of_recording()"""


def upgrade() -> None:
    op.execute("DROP TRIGGER analysis_feed ON recording")
    op.execute(TRIGGER.format(columns="athlete_id, state, withheld", more=" OR NEW.withheld <> OLD.withheld"))


def downgrade() -> None:
    op.execute("DROP TRIGGER analysis_feed ON recording")
    op.execute(TRIGGER.format(columns="athlete_id, state", more=""))
