import type { Knex } from 'knex';

/** Rules made by API, what rulers know and share, what people were told, and what is still to be told. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(rules);
  await knex.raw(rulers);
  await knex.raw(incidents);
  await knex.raw(people);
  await knex.raw(deliveries);
  await knex.raw(`
    CREATE TRIGGER rules_change AFTER INSERT OR UPDATE OR DELETE ON rules
    FOR EACH ROW EXECUTE FUNCTION note_change('rules', 'tenant_id')`);
  await knex.raw(`
    CREATE TRIGGER silences_change AFTER INSERT OR UPDATE OR DELETE ON silences
    FOR EACH ROW EXECUTE FUNCTION note_change('silences', 'tenant_id')`);
  await knex.raw(`
    CREATE TRIGGER channels_change AFTER INSERT OR UPDATE OR DELETE ON channels
    FOR EACH ROW EXECUTE FUNCTION note_change('channels', 'tenant_id')`);
}

/** `spec` is the rule as it was posted, in the schema of the rule files; files' rules are never rows. */
const rules = `
  CREATE TABLE rules (
    tenant_id text NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id text NOT NULL,
    name text NOT NULL,
    spec jsonb NOT NULL,
    enabled boolean NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    updated_at timestamptz NOT NULL,
    updated_by text NOT NULL,
    PRIMARY KEY (tenant_id, id)
  )`;

/**
 * One row a group: its lease, and how its last evaluation went. `health` is by rule key, `failing` counts slots in a row in which a rule failed. Instances are the pending,
 * firing and lately resolved alerts; `evaluations` is a ring, so that nothing has to be purged.
 */
const rulers = `
  CREATE TABLE rulers (
    holder text PRIMARY KEY,
    beat_at timestamptz NOT NULL
  );
  CREATE TABLE rule_groups (
    tenant_id text NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    key text NOT NULL,
    interval_ms bigint NOT NULL,
    next_slot_ms bigint NOT NULL,
    last_slot_ms bigint,
    lease_owner text,
    lease_until timestamptz,
    epoch bigint NOT NULL DEFAULT 0,
    missed bigint NOT NULL DEFAULT 0,
    evaluations bigint NOT NULL DEFAULT 0,
    failing integer NOT NULL DEFAULT 0,
    duration_ms double precision,
    health jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant_id, key)
  );
  CREATE TABLE alert_instances (
    tenant_id text NOT NULL,
    group_key text NOT NULL,
    rule_key text NOT NULL,
    fingerprint text NOT NULL,
    label_key text NOT NULL,
    labels jsonb NOT NULL,
    annotations jsonb NOT NULL,
    value double precision NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'firing', 'resolved')),
    active_at_ms bigint NOT NULL,
    fired_at_ms bigint,
    resolved_at_ms bigint,
    keep_firing_since_ms bigint,
    absences integer NOT NULL,
    evaluated_at_ms bigint NOT NULL,
    PRIMARY KEY (tenant_id, group_key, rule_key, fingerprint)
  ) WITH (fillfactor = 70);
  CREATE TABLE rule_evaluations (
    tenant_id text NOT NULL,
    group_key text NOT NULL,
    rule_key text NOT NULL,
    place smallint NOT NULL,
    slot_ms bigint NOT NULL,
    duration_ms double precision NOT NULL,
    error text,
    is_partial boolean NOT NULL DEFAULT false,
    rows integer NOT NULL,
    decisions jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (tenant_id, group_key, rule_key, place)
  ) WITH (fillfactor = 70)`;

/**
 * An incident is one episode of one alert: from its first firing until the cooldown after it has passed (PRP's alert
 * event). The rule's name, labels and so on are copied, for they outlive the rule. `incident_events` is only added to.
 */
const incidents = `
  CREATE TABLE incidents (
    id uuid PRIMARY KEY,
    tenant_id text NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    group_key text NOT NULL,
    rule_key text NOT NULL,
    rule_name text NOT NULL,
    fingerprint text NOT NULL,
    label_key text NOT NULL,
    host_id text,
    severity text,
    labels jsonb NOT NULL,
    annotations jsonb NOT NULL,
    value double precision NOT NULL,
    channels jsonb NOT NULL DEFAULT '[]',
    generator_url text,
    opened_at_ms bigint NOT NULL,
    closed_at_ms bigint,
    told text NOT NULL CHECK (told IN ('nothing', 'firing', 'resolved')),
    last_notice_ms bigint,
    flaps integer NOT NULL DEFAULT 0,
    notice_seq integer NOT NULL DEFAULT 0,
    ack_by text,
    ack_at_ms bigint,
    ack_comment text,
    ack_until_ms bigint,
    -- False once the cooldown is over: the next firing opens another one.
    is_current boolean NOT NULL DEFAULT true
  ) WITH (fillfactor = 70);
  CREATE UNIQUE INDEX incidents_current ON incidents (tenant_id, group_key, rule_key, fingerprint) WHERE is_current;
  CREATE INDEX incidents_touched ON incidents (tenant_id, group_key)
    WHERE is_current AND (ack_at_ms IS NOT NULL OR told = 'nothing');
  CREATE INDEX incidents_by_time ON incidents (tenant_id, opened_at_ms DESC, id);
  CREATE INDEX incidents_open ON incidents (tenant_id) WHERE closed_at_ms IS NULL;
  CREATE INDEX incidents_by_host ON incidents (tenant_id, host_id, opened_at_ms DESC);
  CREATE TABLE incident_events (
    id bigserial PRIMARY KEY,
    tenant_id text NOT NULL,
    incident_id uuid NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    at_ms bigint NOT NULL,
    kind text NOT NULL,
    actor text,
    detail jsonb NOT NULL DEFAULT '{}'
  );
  CREATE INDEX incident_events_by_incident ON incident_events (incident_id, id)`;

/** Alerts that others post here (Alertmanager's v2 API), silences, and channels that rules name by kind or name. */
const people = `
  CREATE TABLE received_alerts (
    tenant_id text NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    fingerprint text NOT NULL,
    labels jsonb NOT NULL,
    annotations jsonb NOT NULL,
    starts_at_ms bigint NOT NULL,
    ends_at_ms bigint NOT NULL,
    updated_at_ms bigint NOT NULL,
    generator_url text,
    PRIMARY KEY (tenant_id, fingerprint)
  );
  CREATE TABLE silences (
    tenant_id text NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('silence', 'maintenance')),
    matchers jsonb NOT NULL,
    starts_at_ms bigint NOT NULL,
    ends_at_ms bigint NOT NULL CHECK (ends_at_ms >= starts_at_ms),
    created_by text NOT NULL,
    comment text NOT NULL,
    updated_at_ms bigint NOT NULL,
    PRIMARY KEY (tenant_id, id)
  );
  CREATE INDEX silences_by_end ON silences (tenant_id, ends_at_ms);
  CREATE TABLE channels (
    tenant_id text NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('email', 'webhook', 'slack', 'teams', 'alertmanager')),
    target text NOT NULL,
    settings jsonb NOT NULL DEFAULT '{}',
    is_default boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, name)
  )`;

/**
 * The outbox: one row a message to one channel about one incident, written in the transaction of the change it tells of.
 * `seq` orders the rows of one incident and channel. `delivery_attempts` is the trail: sends and their answers.
 */
const deliveries = `
  CREATE TABLE deliveries (
    id bigserial PRIMARY KEY,
    tenant_id text NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    incident_id uuid NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    channel text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('firing', 'refired', 'repeat', 'resolved')),
    seq integer NOT NULL,
    idempotency_key text NOT NULL UNIQUE,
    group_key text NOT NULL,
    rule_key text NOT NULL,
    alert jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('queued', 'sending', 'sent', 'dead', 'dropped')),
    reason text,
    attempts smallint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    next_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    locked_by text,
    locked_until timestamptz,
    message_id uuid,
    -- As what it was given up, before somebody had it sent again.
    former_message_id uuid,
    finished_at timestamptz
  ) WITH (fillfactor = 70);
  CREATE INDEX deliveries_due ON deliveries (next_at) WHERE status IN ('queued', 'sending');
  CREATE INDEX deliveries_unfinished ON deliveries (incident_id, channel, seq) WHERE status IN ('queued', 'sending');
  CREATE INDEX deliveries_by_incident ON deliveries (incident_id, id);
  CREATE INDEX deliveries_by_message ON deliveries (message_id) WHERE message_id IS NOT NULL;
  CREATE INDEX deliveries_dead ON deliveries (tenant_id) WHERE status = 'dead';
  CREATE INDEX deliveries_by_time ON deliveries (tenant_id, created_at DESC);
  CREATE TABLE delivery_attempts (
    id bigserial PRIMARY KEY,
    tenant_id text NOT NULL,
    message_id uuid NOT NULL,
    channel text NOT NULL,
    attempt smallint NOT NULL,
    started_at timestamptz NOT NULL,
    duration_ms double precision NOT NULL,
    alerts integer NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('sent', 'retry', 'dead')),
    status integer,
    answer text
  );
  CREATE INDEX delivery_attempts_by_message ON delivery_attempts (message_id, id)`;

export async function down(knex: Knex): Promise<void> {
  const tables = [
    ...['delivery_attempts', 'deliveries', 'channels', 'silences', 'received_alerts'],
    ...['incident_events', 'incidents', 'rule_evaluations', 'alert_instances', 'rule_groups'],
    ...['rulers', 'rules'],
  ];
  for (const table of tables) await knex.schema.dropTable(table);
}
