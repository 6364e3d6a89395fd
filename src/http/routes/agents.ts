import { z } from 'zod';
import { settingsSchema, type Agents } from '../../agents/index.ts';
import { GaugewayError, type Clock } from '../../platform/index.ts';
import { actorOf, bodyOf, found, pageSchema, paramOf, principalOf, queryOf } from '../parse.ts';
import type { Call, Route } from '../route.ts';
import { agentAnswer, agentsAnswer, hostConfigAnswer, settingsAnswer } from '../schemas/agents.ts';
import { toAgentJson, toSettingsJson } from './agent-json.ts';

interface Deps {
  agents: Agents;
  clock: Clock;
}

const listQuery = pageSchema.extend({
  status: z.enum(['ok', 'silent', 'never', 'clone']).optional(),
});

const admin = { needs: 'admin', errors: 'envelope' } as const;
const reader = { method: 'GET', needs: 'read', errors: 'envelope' } as const;
const one = '/api/v1/agents/:host_id';
const hostConfig = `${one}/config`;
const tenantConfig = '/api/v1/agents/config';

/** How the agents are, and what they run with. */
export function agentRoutes(deps: Deps): Route[] {
  return [...overviewRoutes(deps), ...configRoutes(deps), ...orderRoutes(deps)];
}

function overviewRoutes({ agents, clock }: Deps): Route[] {
  return [
    {
      ...{ ...reader, path: '/api/v1/agents', summary: 'How the agents of the tenant are' },
      spec: { tag: 'Agents', query: listQuery, answers: { 200: agentsAnswer } },
      async handle(call) {
        const { tenantId } = principalOf(call);
        const { status, ...page } = queryOf(call.req, listQuery);
        const { items, total } = await agents.list(tenantId, { ...page, status });
        const nowMs = clock.nowMs();
        const rows = items.map((seen) =>
          toAgentJson(seen, agents.configs.of(tenantId, seen.agent.hostId), nowMs),
        );
        call.res.json({ agents: rows, total, ...page });
      },
    },
    {
      ...{ ...reader, path: one, summary: 'How one agent is' },
      spec: { tag: 'Agents', answers: { 200: agentAnswer } },
      async handle(call) {
        const { tenantId, hostId } = targetOf(call);
        const seen = await found('agent', agents.get(tenantId, hostId));
        call.res.json(toAgentJson(seen, agents.configs.of(tenantId, hostId), clock.nowMs()));
      },
    },
  ];
}

function configRoutes({ agents }: Deps): Route[] {
  return [
    {
      ...{ ...reader, path: tenantConfig, summary: 'What agents run with by default' },
      spec: { tag: 'Agents', answers: { 200: settingsAnswer } },
      handle(call) {
        call.res.json(toSettingsJson(agents.configs.ofTenant(principalOf(call).tenantId)));
      },
    },
    {
      ...{ ...admin, method: 'PUT', path: tenantConfig },
      summary: 'Set what agents run with by default',
      spec: { tag: 'Agents', body: settingsSchema, answers: { 200: settingsAnswer } },
      async handle(call) {
        const { tenantId } = principalOf(call);
        await agents.configs.putTenant(tenantId, bodyOf(call.req, settingsSchema), actorOf(call));
        call.res.json(toSettingsJson(agents.configs.ofTenant(tenantId)));
      },
    },
    {
      ...{ ...reader, path: hostConfig, summary: "What one host's agent shall run with" },
      spec: { tag: 'Agents', answers: { 200: hostConfigAnswer } },
      async handle(call) {
        const { tenantId, hostId } = targetOf(call);
        const isSet = agents.configs.ofHost(tenantId, hostId) !== undefined;
        if (!isSet && !(await agents.get(tenantId, hostId))) throw noSuchHost();
        answerHostConfig(call, agents.configs, tenantId, hostId);
      },
    },
    {
      ...{ ...admin, method: 'PUT', path: hostConfig },
      summary: "Set what one host's agent runs with, over the tenant's default",
      spec: { tag: 'Agents', body: settingsSchema, answers: { 200: hostConfigAnswer } },
      async handle(call) {
        const { tenantId, hostId } = targetOf(call);
        const settings = bodyOf(call.req, settingsSchema);
        const isDone = await agents.configs.putHost(tenantId, hostId, settings, actorOf(call));
        if (!isDone) throw noSuchHost();
        answerHostConfig(call, agents.configs, tenantId, hostId);
      },
    },
    {
      ...{ ...admin, method: 'DELETE', path: hostConfig },
      summary: "Back to the tenant's default for one host",
      spec: { tag: 'Agents', answers: { 204: 'empty' } },
      async handle(call) {
        const { tenantId, hostId } = targetOf(call);
        if (!(await agents.configs.removeHost(tenantId, hostId, actorOf(call)))) throw noSuchHost();
        call.res.status(204).end();
      },
    },
  ];
}

function answerHostConfig(
  call: Call,
  configs: Agents['configs'],
  tenantId: string,
  hostId: string,
): void {
  const override = configs.ofHost(tenantId, hostId) ?? null;
  call.res.json({ effective: toSettingsJson(configs.of(tenantId, hostId)), override });
}

function orderRoutes({ agents }: Deps): Route[] {
  return [
    {
      ...{ ...admin, method: 'POST', path: `${one}/rotate-key` },
      summary: 'Give an agent a new key with its next heartbeat; the old one ends when it is used',
      spec: {
        tag: 'Agents',
        answers: { 202: z.strictObject({ key_rotation: z.literal('pending') }) },
      },
      async handle(call) {
        const { tenantId, hostId } = targetOf(call);
        const outcome = await agents.rotateKey(tenantId, hostId, actorOf(call));
        if (outcome === 'unknown') throw noSuchHost();
        if (outcome === 'not_enrolled') {
          throw new GaugewayError('CONFLICT', 'The agent has no key from an enrolment', {
            details: { reason: outcome },
          });
        }
        call.res.status(202).json({ key_rotation: 'pending' });
      },
    },
    {
      ...{ ...admin, method: 'POST', path: `${one}/approve` },
      summary: 'Let the second machine that was refused take the host over',
      spec: { tag: 'Agents', answers: { 204: 'empty' } },
      async handle(call) {
        const { tenantId, hostId } = targetOf(call);
        const outcome = await agents.approve(tenantId, hostId, actorOf(call));
        if (outcome === 'unknown') throw noSuchHost();
        if (outcome === 'no_clone') {
          throw new GaugewayError('CONFLICT', 'No second machine was refused for this host', {
            details: { reason: outcome },
          });
        }
        call.res.status(204).end();
      },
    },
  ];
}

/** What an agent asks itself, when an answer carried a version that it does not run. */
export function ownConfigRoute({ agents }: Pick<Deps, 'agents'>): Route[] {
  const query = z.strictObject({ host_id: z.string().min(1).max(128).optional() });
  return [
    {
      ...{ method: 'GET', path: '/api/v1/agents/self/config', needs: 'write', errors: 'envelope' },
      summary: 'What the agent that asks shall run with',
      spec: { tag: 'Agents', query, answers: { 200: settingsAnswer, 304: 'empty' } },
      handle(call) {
        const { tenantId, hostId: bound } = principalOf(call);
        const hostId = bound ?? queryOf(call.req, query).host_id;
        if (hostId === undefined) {
          throw new GaugewayError('BAD_REQUEST', 'host_id: a key for all hosts must name one');
        }
        const config = agents.configs.of(tenantId, hostId);
        const tag = `"${config.version}"`;
        call.res.set('ETag', tag).set('Cache-Control', 'no-cache');
        if (call.req.get('if-none-match') === tag) call.res.status(304).end();
        else call.res.json(toSettingsJson(config));
      },
    },
  ];
}

function targetOf(call: Call): { tenantId: string; hostId: string } {
  return { tenantId: principalOf(call).tenantId, hostId: paramOf(call.req, 'host_id') };
}

function noSuchHost(): GaugewayError {
  return new GaugewayError('NOT_FOUND', 'There is no such agent');
}
