"""what an erasure reaches: accounts and receivers' answers; and keys of repeated requests as digests, for good"""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

KEYS = {"idempotency_key": "key", "reanalysis": "idempotency_key"}


def upgrade() -> None:
    op.execute("GRANT UPDATE (answer) ON webhook_attempt TO plumbline_app")
    op.execute("GRANT DELETE ON user_account TO plumbline_app")
    for table, column in KEYS.items():
        # The owner sees every row for this transaction's rewriting.
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(
            f"UPDATE {table} SET {column} = encode(sha256(convert_to({column}, 'UTF8')), 'hex')"  # noqa: S608  # our own names
            f" WHERE {column} IS NOT NULL"
        )
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.execute("REVOKE DELETE ON user_account FROM plumbline_app")
    op.execute("REVOKE UPDATE (answer) ON webhook_attempt FROM plumbline_app")
