"""What every table with athletes' data needs besides its columns: say it in one line per table.

::

    protect("consent", "SELECT, INSERT")
    limit("consent", "athlete_id", "athlete")
"""

import sqlalchemy as sa
from alembic import op

CURRENT_ORGANISATION = "(SELECT nullif(current_setting('app.org_id', true), '')::uuid)"
"""As a sub-select it is worked out once per statement, not once per row."""
LIMITED_TO = "(SELECT nullif(current_setting('app.limited_to', true), '')::uuid)"
"""The member or key whose limits hold; none for whoever sees the whole organisation."""
IN_SIGHT = "{column} IN (SELECT athletes_in_sight())"
"""The athlete is one whom the member or key with limits sees; looked up once a statement, and only for them."""


def protect(table: str, privileges: str, *, while_nobody_is_known: bool = False) -> None:
    """Show the table's rows to their organisation alone, and grant the app's role what it needs.

    `while_nobody_is_known` also opens it to transactions that name no organisation: for what is read to find out
    who is asking, and nothing else.
    """
    condition = f"organisation_id = {CURRENT_ORGANISATION}"
    if while_nobody_is_known:
        condition = f"{CURRENT_ORGANISATION} IS NULL OR {condition}"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {table} USING ({condition}) WITH CHECK ({condition})")
    op.execute(f"GRANT {privileges} ON {table} TO plumbline_app")


def limit(table: str, column: str, parent: str) -> None:
    """Hide a row from limited members and keys unless they see the row of `parent` that its `column` names."""
    sees = f"EXISTS (SELECT 1 FROM {parent} seen WHERE seen.id = {table}.{column})"  # noqa: S608  # names of tables, from migrations alone
    if parent == "athlete" and op.get_bind().scalar(sa.text("SELECT to_regproc('athletes_in_sight')")):
        sees = IN_SIGHT.format(column=f"{table}.{column}")  # not yet in the first migrations
    limit_where(table, sees)


def limit_where(table: str, condition: str) -> None:
    """Hide a row from limited members and keys unless the condition holds."""
    op.execute(f"CREATE POLICY limited ON {table} AS RESTRICTIVE USING ({LIMITED_TO} IS NULL OR {condition})")
