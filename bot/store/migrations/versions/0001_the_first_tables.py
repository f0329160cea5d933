"""the first tables"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Nobody edits the audit log by accident or by way of this program. A superuser still can.
REFUSE_EDITS = {
    "sqlite": (
        """
        CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
        """,
        """
        CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END
        """,
    ),
    "postgresql": (
        """
        CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$
        """,
        """
        CREATE TRIGGER audit_no_edit BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
        FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()
        """,
    ),
}
ALLOW_EDITS = {
    "sqlite": ("DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete"),
    "postgresql": ("DROP TRIGGER audit_no_edit ON audit", "DROP FUNCTION audit_refuse()"),
}


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
    )
    with op.batch_alter_table("audit") as batch_op:
        batch_op.create_index(op.f("ix_audit_subject"), ["subject"], unique=False)

    op.create_table(
        "changes",
        sa.Column("identity", sa.String(), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("entity", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("identity", name=op.f("pk_changes")),
    )
    with op.batch_alter_table("changes") as batch_op:
        batch_op.create_index(op.f("ix_changes_time"), ["time"], unique=False)

    op.create_table(
        "decisions",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("tick", sa.DateTime(timezone=True), nullable=True),
        sa.Column("word", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_decisions")),
    )
    with op.batch_alter_table("decisions") as batch_op:
        batch_op.create_index(op.f("ix_decisions_incident_id"), ["incident_id"], unique=False)
        batch_op.create_index(op.f("ix_decisions_tick"), ["tick"], unique=False)

    op.create_table(
        "deploys",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("alias", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_deploys")),
    )
    with op.batch_alter_table("deploys") as batch_op:
        batch_op.create_index(op.f("ix_deploys_model"), ["model"], unique=False)

    op.create_table(
        "inbound_seen",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_inbound_seen")),
    )
    with op.batch_alter_table("inbound_seen") as batch_op:
        batch_op.create_index(op.f("ix_inbound_seen_at"), ["at"], unique=False)

    op.create_table(
        "incidents",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=True),
        sa.Column("opened", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
    )
    with op.batch_alter_table("incidents") as batch_op:
        batch_op.create_index(op.f("ix_incidents_opened"), ["opened"], unique=False)
        batch_op.create_index(op.f("ix_incidents_resolved"), ["resolved"], unique=False)
        batch_op.create_index(op.f("ix_incidents_state"), ["state"], unique=False)

    op.create_table(
        "outbox",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("op", sa.String(), nullable=False),
        sa.Column("thread", sa.String(), nullable=False),
        sa.Column("slot", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("first_try", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_back", sa.Boolean(), nullable=False),
        sa.Column("because", sa.String(), nullable=False),
        sa.Column("ended", sa.DateTime(timezone=True), nullable=True),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox")),
    )
    with op.batch_alter_table("outbox") as batch_op:
        batch_op.create_index(op.f("ix_outbox_op"), ["op"], unique=False)
        batch_op.create_index(op.f("ix_outbox_state"), ["state"], unique=False)
        batch_op.create_index(
            "uq_outbox_claimed",
            ["thread"],
            unique=True,
            sqlite_where=sa.text("state = 'claimed'"),
            postgresql_where=sa.text("state = 'claimed'"),
        )
        batch_op.create_index(
            "uq_outbox_waiting",
            ["thread", "slot"],
            unique=True,
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        )

    op.create_table(
        "posted",
        sa.Column("thread", sa.String(), nullable=False),
        sa.Column("slot", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("ts", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("thread", "slot", name=op.f("pk_posted")),
    )
    with op.batch_alter_table("posted") as batch_op:
        batch_op.create_index("uq_posted_channel_ts", ["channel", "ts"], unique=True)

    op.create_table(
        "proposals",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("incident_id", sa.String(), nullable=True),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposals")),
    )
    with op.batch_alter_table("proposals") as batch_op:
        batch_op.create_index(op.f("ix_proposals_model"), ["model"], unique=False)
        batch_op.create_index(op.f("ix_proposals_state"), ["state"], unique=False)
        batch_op.create_index(
            "uq_proposals_live",
            ["model"],
            unique=True,
            sqlite_where=sa.text("state IN ('pending', 'approved', 'executing', 'moved')"),
            postgresql_where=sa.text("state IN ('pending', 'approved', 'executing', 'moved')"),
        )

    op.create_table(
        "silences",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("starts", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silences")),
    )
    with op.batch_alter_table("silences") as batch_op:
        batch_op.create_index(op.f("ix_silences_ends"), ["ends"], unique=False)

    op.create_table(
        "snapshots",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snapshots")),
    )
    op.create_table(
        "ticks",
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("series", sa.Integer(), nullable=False),
        sa.Column("findings", sa.Integer(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("at", name=op.f("pk_ticks")),
    )
    op.create_table(
        "told",
        sa.Column("incident_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_told")),
    )
    op.create_table(
        "approvals",
        sa.Column("proposal_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("approve", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["proposal_id"], ["proposals.id"], name=op.f("fk_approvals_proposal_id_proposals")),
        sa.PrimaryKeyConstraint("proposal_id", "user_id", name=op.f("pk_approvals")),
    )
    op.create_table(
        "findings",
        sa.Column("incident_id", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("detected", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signal", sa.String(), nullable=False),
        sa.Column("entity", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_findings_incident_id_incidents")),
        sa.PrimaryKeyConstraint("incident_id", "fingerprint", "detected", name=op.f("pk_findings")),
    )
    with op.batch_alter_table("findings") as batch_op:
        batch_op.create_index(op.f("ix_findings_detected"), ["detected"], unique=False)

    for statement in REFUSE_EDITS[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    for statement in ALLOW_EDITS[op.get_bind().dialect.name]:
        op.execute(statement)
    with op.batch_alter_table("findings") as batch_op:
        batch_op.drop_index(op.f("ix_findings_detected"))

    op.drop_table("findings")
    op.drop_table("approvals")
    op.drop_table("told")
    op.drop_table("ticks")
    op.drop_table("snapshots")
    with op.batch_alter_table("silences") as batch_op:
        batch_op.drop_index(op.f("ix_silences_ends"))

    op.drop_table("silences")
    with op.batch_alter_table("proposals") as batch_op:
        batch_op.drop_index(
            "uq_proposals_live",
            sqlite_where=sa.text("state IN ('pending', 'approved', 'executing', 'moved')"),
            postgresql_where=sa.text("state IN ('pending', 'approved', 'executing', 'moved')"),
        )
        batch_op.drop_index(op.f("ix_proposals_state"))
        batch_op.drop_index(op.f("ix_proposals_model"))

    op.drop_table("proposals")
    with op.batch_alter_table("posted") as batch_op:
        batch_op.drop_index("uq_posted_channel_ts")

    op.drop_table("posted")
    with op.batch_alter_table("outbox") as batch_op:
        batch_op.drop_index(
            "uq_outbox_waiting",
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        )
        batch_op.drop_index(
            "uq_outbox_claimed",
            sqlite_where=sa.text("state = 'claimed'"),
            postgresql_where=sa.text("state = 'claimed'"),
        )
        batch_op.drop_index(op.f("ix_outbox_state"))
        batch_op.drop_index(op.f("ix_outbox_op"))

    op.drop_table("outbox")
    with op.batch_alter_table("incidents") as batch_op:
        batch_op.drop_index(op.f("ix_incidents_state"))
        batch_op.drop_index(op.f("ix_incidents_resolved"))
        batch_op.drop_index(op.f("ix_incidents_opened"))

    op.drop_table("incidents")
    with op.batch_alter_table("inbound_seen") as batch_op:
        batch_op.drop_index(op.f("ix_inbound_seen_at"))

    op.drop_table("inbound_seen")
    with op.batch_alter_table("deploys") as batch_op:
        batch_op.drop_index(op.f("ix_deploys_model"))

    op.drop_table("deploys")
    with op.batch_alter_table("decisions") as batch_op:
        batch_op.drop_index(op.f("ix_decisions_tick"))
        batch_op.drop_index(op.f("ix_decisions_incident_id"))

    op.drop_table("decisions")
    with op.batch_alter_table("changes") as batch_op:
        batch_op.drop_index(op.f("ix_changes_time"))

    op.drop_table("changes")
    with op.batch_alter_table("audit") as batch_op:
        batch_op.drop_index(op.f("ix_audit_subject"))

    op.drop_table("audit")
