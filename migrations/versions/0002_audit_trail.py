"""audit trail"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CURRENT_ORGANISATION = "(SELECT nullif(current_setting('app.org_id', true), '')::uuid)"

LINK = """
CREATE FUNCTION audit_link() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    head record;
BEGIN
    -- One writer at a time per organisation, until it commits: two records can never follow the same one.
    PERFORM pg_advisory_xact_lock(hashtextextended('audit:' || NEW.organisation_id::text, 0));
    SELECT e.sequence, e.hash INTO head FROM public.audit_entry e
     WHERE e.organisation_id = NEW.organisation_id ORDER BY e.sequence DESC LIMIT 1;
    NEW.sequence := coalesce(head.sequence, 0) + 1;
    NEW.previous_hash := coalesce(head.hash, repeat('0', 64));
    NEW.created_at := clock_timestamp();
    NEW.hash := encode(sha256(convert_to(concat_ws(E'\\x1f',
        NEW.previous_hash, NEW.organisation_id::text, NEW.sequence::text,
        (extract(epoch FROM NEW.created_at) * 1000000)::bigint::text,
        NEW.act, NEW.actor_kind, coalesce(NEW.actor_id::text, ''), coalesce(NEW.object_id::text, ''),
        NEW.detail, NEW.address, NEW.user_agent_sha256, NEW.request_id), 'UTF8')), 'hex');
    RETURN NEW;
END $$"""

KEEP = """
CREATE FUNCTION audit_keep() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is never changed' USING ERRCODE = 'insufficient_privilege';
END $$"""


def upgrade() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("act", sa.String(length=64), nullable=False),
        sa.Column("actor_kind", sa.String(length=32), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("object_id", sa.Uuid(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("user_agent_sha256", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_audit_entry_organisation"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("organisation_id", "sequence", name=op.f("pk_audit_entry")),
    )
    op.create_index(
        op.f("ix_audit_entry_organisation_id_object_id_act_sequence"),
        "audit_entry",
        ["organisation_id", "object_id", "act", "sequence"],
        unique=False,
    )
    op.execute(LINK)
    op.execute(KEEP)
    op.execute(
        "CREATE TRIGGER audit_link BEFORE INSERT ON audit_entry FOR EACH ROW EXECUTE FUNCTION audit_link()"
    )
    op.execute(
        "CREATE TRIGGER audit_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry"
        " FOR EACH STATEMENT EXECUTE FUNCTION audit_keep()"
    )
    condition = f"organisation_id = {CURRENT_ORGANISATION}"
    op.execute("ALTER TABLE audit_entry ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE audit_entry FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON audit_entry USING ({condition}) WITH CHECK ({condition})")
    op.execute("GRANT SELECT, INSERT ON audit_entry TO plumbline_app")


def downgrade() -> None:
    op.drop_table("audit_entry")
    op.execute("DROP FUNCTION audit_keep()")
    op.execute("DROP FUNCTION audit_link()")
