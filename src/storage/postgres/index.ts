/**
 * takes: the ports of the rooms, as types.
 * gives: their stores in Postgres, and what replicas share: migrations, leases, the change feed.
 * never: reads a row without its tenant, lets a driver's error out where the database is away (UNAVAILABLE is).
 * see:   docs/adr/0006-alert-state-and-leases-in-postgres.md
 */
export { createAccountStore } from './account-store.ts';
export { createAgentConfigStore } from './agent-config-store.ts';
export { createAgentStore } from './agent-store.ts';
export { createAgentTokenStore } from './agent-token-store.ts';
export { createAlertStore } from './alert-store.ts';
export { createApiKeyStore } from './api-key-store.ts';
export { createAuditStore } from './audit-store.ts';
export { createChannelStore } from './channel-store.ts';
export { createChangeFeed, type ChangeFeed } from './change-feed.ts';
export { createPostgres, type Postgres } from './connect.ts';
export { createDeliveryTrail } from './delivery-trail.ts';
export { createEvaluationStore } from './evaluation-store.ts';
export { createExemplarStore, type PostgresExemplars } from './exemplar-store.ts';
export { createHaStore } from './ha-store.ts';
export { createHostStore } from './host-store.ts';
export { createIncidentFeed } from './incident-feed.ts';
export { createIncidentStore } from './incident-store.ts';
export { createInnerSources } from './inner-source.ts';
export { createLeases, type Lease, type Leases } from './lease.ts';
export { createLinkedAlertStore } from './linked-alert-store.ts';
export { createMetadataStore, type PostgresMetadata } from './metadata-store.ts';
export { migrateDown, migrateTo, migrateUp, migrationNames, migrationState } from './migrate.ts';
export type { Migrated, MigrationState } from './migrate.ts';
export { createOutboxStore } from './outbox-store.ts';
export { createPasswordResetStore } from './password-reset-store.ts';
export { createPurgeStore } from './purge-store.ts';
export { createReceivedAlertStore } from './received-alert-store.ts';
export { createRemovalStore } from './removal-store.ts';
export { createReportStore } from './report-store.ts';
export { describeDatabase, settleRestored } from './restored.ts';
export { createRunQueue } from './run-queue.ts';
export { createRateWindowStore } from './rate-window-store.ts';
export { createRejectionStore, type PostgresRejections } from './rejection-store.ts';
export { createGroupLeases } from './rule-group-store.ts';
export { createRuleReader } from './rule-reader.ts';
export { createRuleStore } from './rule-store.ts';
export { ofTenant } from './scope.ts';
export { secondWall, type SecondWall } from './second-wall.ts';
export { createSessionStore } from './session-store.ts';
export { createDownsampleMarks, createSliceRequests, createSliceStore } from './slice-store.ts';
export { createSilenceStore } from './silence-store.ts';
export { createTenantStore, createUsageStore } from './tenant-store.ts';
export { createUserStore } from './user-store.ts';
export { createWhitelistOverrideStore, type WhitelistOverrideStore } from './whitelist-store.ts';
