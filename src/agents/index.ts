/**
 * takes: enrolment tokens, machines that enrol, heartbeats, and the configuration that administrators set.
 * gives: each host its key and its configuration from memory; who is silent, cloned or behind.
 * never: knows HTTP or SQL, keeps a token or key in clear, asks Postgres for the version that a write is answered with.
 * see:   docs/adr/0015-agents-are-enrolled-and-configured-by-the-server.md
 */
export type { Agent, AgentListing, AgentStatus, SeenAgent } from './agent.ts';
export { createAgents, type Agents } from './agents.ts';
export type { BeatOutcome } from './beats.ts';
export { settingsSchema, type AgentConfig, type AgentSettings } from './config.ts';
export type { AgentConfigs } from './configs.ts';
export type {
  EnrolledHost,
  EnrolmentOutcome,
  EnrolmentRefusal,
  EnrolmentRequest,
} from './enrol.ts';
export type { AgentConfigStore, AgentStore } from './stores.ts';
export type {
  TokenStore,
  EnrolmentToken,
  EnrolmentTokenRecord,
  IssuedToken,
  NewToken,
} from './tokens.ts';
