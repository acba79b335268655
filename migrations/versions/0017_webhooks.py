"""webhooks: endpoints, messages written with the act, deliveries and their attempts"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.policies import LIMITED_TO, limit, protect

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

DUE_WEBHOOKS = """
CREATE FUNCTION due_webhooks(max_rows integer)
RETURNS TABLE (organisation_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT found.organisation_id FROM (
        SELECT m.organisation_id FROM public.webhook_message m WHERE m.handed_out_at IS NULL
        UNION
        SELECT e.organisation_id FROM public.webhook_endpoint e
         WHERE e.enabled AND (e.not_before IS NULL OR e.not_before <= now())
           AND EXISTS (
               SELECT 1 FROM public.webhook_delivery d
                WHERE d.organisation_id = e.organisation_id AND d.endpoint_id = e.id AND d.state = 'pending'
                  AND d.due_at <= now() AND (d.lease_until IS NULL OR d.lease_until < now()))
    ) found LIMIT max_rows
$$"""

SEES_THE_ATHLETE = "EXISTS (SELECT 1 FROM athlete seen WHERE seen.id = webhook_message.athlete_id)"


def upgrade() -> None:
    op.create_table(
        "webhook_endpoint",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("events", sa.ARRAY(sa.String(length=32)), nullable=True),
        sa.Column("is_limited", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("disabled_reason", sa.String(length=32), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("previous_salt", sa.LargeBinary(), nullable=True),
        sa.Column("previous_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("n_failures", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        _now("created_at"),
        _now("updated_at"),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        _of_organisation("webhook_endpoint"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoint")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_webhook_endpoint_organisation_id_id")),
    )
    op.create_index(op.f("ix_webhook_endpoint_organisation_id"), "webhook_endpoint", ["organisation_id"])
    op.create_table(
        "webhook_message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("athlete_id", sa.Uuid(), nullable=True),
        sa.Column("content", JSONB(), nullable=False),
        _now("created_at"),
        sa.Column("handed_out_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        _of_organisation("webhook_message"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_message")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_webhook_message_organisation_id_id")),
    )
    op.create_index(
        op.f("ix_webhook_message_organisation_id_created_at"),
        "webhook_message",
        ["organisation_id", "created_at"],
    )
    op.create_index(
        "ix_webhook_message_waiting",
        "webhook_message",
        ["organisation_id"],
        postgresql_where=sa.text("handed_out_at IS NULL"),
    )
    _create_deliveries()
    protect("webhook_endpoint", "SELECT, INSERT, UPDATE, DELETE")
    protect("webhook_message", "SELECT, INSERT, UPDATE, DELETE")
    protect("webhook_delivery", "SELECT, INSERT, UPDATE, DELETE")
    protect("webhook_attempt", "SELECT, INSERT, DELETE")
    # Whoever does something writes the message about it, whoever may read it afterwards.
    op.execute(
        "CREATE POLICY limited ON webhook_message AS RESTRICTIVE FOR SELECT"
        f" USING ({LIMITED_TO} IS NULL OR {SEES_THE_ATHLETE})"
    )
    limit("webhook_delivery", "message_id", "webhook_message")
    limit("webhook_attempt", "delivery_id", "webhook_delivery")
    # The function runs as the owner, whom FORCE blinds like everybody else; it may look, no more.
    for table in ("webhook_endpoint", "webhook_message", "webhook_delivery"):
        op.execute(f"CREATE POLICY owner_looks ON {table} FOR SELECT TO CURRENT_USER USING (true)")
    op.execute(DUE_WEBHOOKS)
    op.execute("REVOKE EXECUTE ON FUNCTION due_webhooks(integer) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION due_webhooks(integer) TO plumbline_app")


def downgrade() -> None:
    op.execute("DROP FUNCTION due_webhooks(integer)")
    for table in ("webhook_attempt", "webhook_delivery", "webhook_message", "webhook_endpoint"):
        op.drop_table(table)


def _create_deliveries() -> None:
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        _now("due_at"),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        _now("created_at"),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        _belongs_to("webhook_delivery", "endpoint_id", "webhook_endpoint"),
        _belongs_to("webhook_delivery", "message_id", "webhook_message"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_delivery")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_webhook_delivery_organisation_id_id")),
        sa.UniqueConstraint(
            "organisation_id",
            "endpoint_id",
            "message_id",
            name=op.f("uq_webhook_delivery_organisation_id_endpoint_id_message_id"),
        ),
    )
    op.create_index(
        op.f("ix_webhook_delivery_organisation_id_message_id"),
        "webhook_delivery",
        ["organisation_id", "message_id"],
    )
    op.create_index(
        "ix_webhook_delivery_pending",
        "webhook_delivery",
        ["organisation_id", "endpoint_id", "due_at"],
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "webhook_attempt",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("failure", sa.String(length=32), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        _now("created_at"),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        _belongs_to("webhook_attempt", "delivery_id", "webhook_delivery"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_attempt")),
    )
    op.create_index(
        op.f("ix_webhook_attempt_organisation_id_delivery_id"),
        "webhook_attempt",
        ["organisation_id", "delivery_id"],
    )


def _now(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def _of_organisation(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organisation_id"], ["organisation.id"], name=op.f(f"fk_{table}_organisation"), ondelete="RESTRICT"
    )


def _belongs_to(table: str, column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organisation_id", column],
        [f"{parent}.organisation_id", f"{parent}.id"],
        name=op.f(f"fk_{table}_{parent}"),
        ondelete="CASCADE",
    )
