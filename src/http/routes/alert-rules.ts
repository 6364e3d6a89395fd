import { z } from 'zod';
import { can } from '../../access/index.ts';
import type { RuleBook, RuleEntry, RuleRefusal } from '../../alert-desk/index.ts';
import { GaugewayError } from '../../platform/index.ts';
import type { FieldProblem, RuleSpec } from '../../rules/index.ts';
import { actorOf, bodyOf, found, pageSchema, paramOf, principalOf, queryOf } from '../parse.ts';
import type { Call, Route } from '../route.ts';
import {
  createdRuleAnswer,
  ruleAnswer,
  ruleProblemsAnswer,
  rulesAnswer,
} from '../schemas/alerts.ts';
import { statusAnswer } from '../schemas/common.ts';
import { toProblemJson, toRuleJson } from './alert-rule-json.ts';

interface Deps {
  rules: RuleBook;
}

const listQuery = pageSchema.extend({
  source: z.enum(['file', 'api']).optional(),
  enabled: z.enum(['true', 'false']).optional(),
  state: z.enum(['firing', 'pending', 'inactive', 'unknown', 'disabled']).optional(),
});

/** Judged by the rules themselves; here only what is not theirs. */
const posted = z.record(z.string().max(200), z.unknown());

const reader = { method: 'GET', needs: 'read', errors: 'envelope' } as const;
const writer = { needs: 'admin', errors: 'envelope' } as const;
const all = '/api/v1/alerts/rules';
const one = `${all}/:id`;

/** Alert rules (PRP §8.5): those of files are listed, those made here can be changed. */
export function alertRuleRoutes({ rules }: Deps): Route[] {
  return [...readRoutes(rules), ...changeRoutes(rules)];
}

function readRoutes(rules: RuleBook): Route[] {
  return [
    {
      ...{ ...reader, path: all, summary: 'Alert rules of files and of the API' },
      spec: { tag: 'Alert rules', query: listQuery, answers: { 200: rulesAnswer } },
      async handle(call) {
        const { limit, offset, ...filter } = queryOf(call.req, listQuery);
        const entries = await rules.list(principalOf(call).tenantId);
        const shown = entries
          .map(jsonFor(call))
          .filter(
            (rule) =>
              (filter.source === undefined || rule.source === filter.source) &&
              (filter.enabled === undefined || String(rule.enabled) === filter.enabled) &&
              (filter.state === undefined || rule.state === filter.state),
          );
        const window = shown.slice(offset, offset + limit);
        call.res.json({ rules: window, total: shown.length, limit, offset });
      },
    },
    {
      ...{ ...reader, path: `${all}/problems`, summary: 'What is wrong with rule files' },
      spec: { tag: 'Alert rules', answers: { 200: ruleProblemsAnswer } },
      handle(call) {
        const problems = rules.problems(principalOf(call).tenantId);
        call.res.json({ problems: problems.map(toProblemJson), total: problems.length });
      },
    },
    {
      ...{ ...reader, path: one, summary: 'One alert rule' },
      spec: { tag: 'Alert rules', answers: { 200: ruleAnswer } },
      async handle(call) {
        answerRule(call, await entryOf(rules, call));
      },
    },
  ];
}

function changeRoutes(rules: RuleBook): Route[] {
  return [
    {
      ...{ ...writer, method: 'POST', path: all, summary: 'Make an alert rule' },
      spec: { tag: 'Alert rules', body: posted, answers: { 201: createdRuleAnswer } },
      async handle(call) {
        const { enabled, spec } = toSpec(bodyOf(call.req, posted));
        const { tenantId } = principalOf(call);
        const outcome = await rules.add(tenantId, spec, enabled ?? true, actorOf(call));
        if (!outcome.ok) throw refusal(outcome);
        const { id, version } = outcome.rule;
        call.res
          .status(201)
          .set('Location', `${all}/${id}`)
          .set('ETag', etagOf(version))
          .json({ id, status: 'created', version });
      },
    },
    {
      ...{ ...writer, method: 'PATCH', path: one },
      summary: 'Change fields of a rule made by API; null removes one',
      spec: { tag: 'Alert rules', body: posted, answers: { 200: ruleAnswer } },
      async handle(call) {
        const { enabled, spec } = toSpec(bodyOf(call.req, posted));
        const { tenantId } = principalOf(call);
        const patch = { spec, enabled, version: wantedVersion(call) };
        const id = paramOf(call.req, 'id');
        const outcome = await rules.change(tenantId, id, patch, actorOf(call));
        if (!outcome.ok) throw refusal(outcome);
        answerRule(call, await entryOf(rules, call));
      },
    },
    {
      ...{ ...writer, method: 'DELETE', path: one, summary: 'Delete a rule made by API' },
      spec: { tag: 'Alert rules', answers: { 200: statusAnswer('deleted') } },
      async handle(call) {
        const { tenantId } = principalOf(call);
        const id = paramOf(call.req, 'id');
        const outcome = await rules.remove(tenantId, id, wantedVersion(call), actorOf(call));
        if (!outcome.ok) throw refusal(outcome);
        call.res.json({ status: 'deleted' });
      },
    },
  ];
}

/** The rule that the path names, or 404. */
export function entryOf(rules: RuleBook, call: Call): Promise<RuleEntry> {
  return found('rule', rules.get(principalOf(call).tenantId, paramOf(call.req, 'id')));
}

function answerRule(call: Call, entry: RuleEntry): void {
  if (entry.stored) call.res.set('ETag', etagOf(entry.stored.version));
  call.res.json(jsonFor(call)(entry));
}

/** URLs of channels often hold a secret: in full only for those who may set them. */
const jsonFor = (call: Call) => {
  const isWhole = can(principalOf(call), 'admin');
  return (entry: RuleEntry) => toRuleJson(entry, isWhole);
};

const etagOf = (version: number): string => `"${String(version)}"`;

/** `If-Match: "3"`: change that version only. */
function wantedVersion({ req }: Call): number | undefined {
  const text = req.get('if-match');
  if (text === undefined || text.trim() === '*') return undefined;
  const [, version] = /^\s*(?:W\/)?"?(\d{1,15})"?\s*$/.exec(text) ?? [];
  if (version === undefined) throw new GaugewayError('BAD_REQUEST', 'If-Match: not a version');
  return Number(version);
}

function toSpec(body: RuleSpec): { spec: RuleSpec; enabled: boolean | undefined } {
  const { enabled, ...spec } = body;
  const problems: FieldProblem[] = [];
  if (enabled !== undefined && typeof enabled !== 'boolean') {
    problems.push({ field: 'enabled', message: 'expected true or false' });
  }
  if ('id' in spec) problems.push({ field: 'id', message: 'the server makes the id' });
  if (problems.length > 0) throw invalidRule(problems);
  return { spec, enabled: enabled as boolean | undefined };
}

/** 400 with each field that is wrong, and the spot in its text. */
export function invalidRule(problems: readonly FieldProblem[]): GaugewayError {
  const [first] = problems;
  const place = first?.field ? `${first.field}: ` : '';
  const message = `the rule is not as expected: ${place}${first?.message ?? ''}`;
  return new GaugewayError('BAD_REQUEST', message, { details: { problems } });
}

function refusal(refused: RuleRefusal): GaugewayError {
  const { reason } = refused;
  const details = { reason };
  switch (reason) {
    case 'invalid':
      return invalidRule(refused.problems);
    case 'unknown':
      return new GaugewayError('NOT_FOUND', 'There is no such rule');
    case 'stale':
      return new GaugewayError('CONFLICT', 'The rule was changed by someone else meanwhile', {
        details,
      });
    case 'read-only':
      return new GaugewayError(
        'CONFLICT',
        `The rule stands in the file ${refused.file}: change it there`,
        { details: { ...details, file: refused.file } },
      );
    case 'too-many':
      return new GaugewayError('CONFLICT', `There are ${String(refused.most)} rules already`, {
        details,
      });
  }
}
