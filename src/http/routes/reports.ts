import { z } from 'zod';
import { printableText, tagsSchema } from '../../hosts/index.ts';
import type {
  Exports,
  NewSchedule,
  ReportRun,
  ReportSchedule,
  Schedules,
} from '../../reports/index.ts';
import {
  actorOf,
  bodyOf,
  found,
  isoTime,
  isoTimeOrNull,
  pageOf,
  pageSchema,
  paramOf,
  principalOf,
  queryOf,
} from '../parse.ts';
import { absoluteUrl } from '../public-url.ts';
import type { Call, Route } from '../route.ts';

export interface ReportRouteDeps {
  schedules: Schedules;
  exports: Pick<Exports, 'link'>;
  publicUrl: string | undefined;
}

const weekdays = [
  'sunday',
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
] as const;
const fields = {
  name: printableText(100),
  tags: tagsSchema.describe('Hosts that have all of these; all hosts where there are none.'),
  weekday: z.enum(weekdays),
  at: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'expected HH:MM'),
  time_zone: z.string().min(1).max(64).describe('IANA name, as Europe/Berlin.'),
  format: z.enum(['pdf', 'csv', 'both']),
  recipients: z.array(z.email().max(320)).max(50),
  enabled: z.boolean(),
};
const newSchedule = z.strictObject({
  name: fields.name,
  tags: fields.tags.default({}),
  weekday: fields.weekday.default('sunday'),
  at: fields.at.default('00:00'),
  time_zone: fields.time_zone.default('UTC'),
  format: fields.format.default('pdf'),
  recipients: fields.recipients.default([]),
  enabled: fields.enabled.default(true),
});
const change = z.strictObject(fields).partial();
const scheduleAnswer = z.strictObject({
  id: z.string(),
  ...fields,
  tags: z.record(z.string(), z.string()),
  recipients: z.array(z.string()),
  created_at: z.iso.datetime(),
  next_run_at: z.iso.datetime().nullable(),
});
const paged = { total: z.int(), limit: z.int(), offset: z.int() };
const runAnswer = z.strictObject({
  id: z.string(),
  schedule_id: z.string().nullable(),
  name: z.string(),
  kind: z.enum(['scheduled', 'manual']),
  status: z.enum(['queued', 'running', 'done', 'failed', 'missed']),
  scheduled_at: z.iso.datetime(),
  started_at: z.iso.datetime().nullable(),
  finished_at: z.iso.datetime().nullable(),
  attempts: z.int(),
  error: z.string().nullable(),
  files: z.array(
    z.strictObject({
      file_name: z.string(),
      media_type: z.string(),
      bytes: z.int(),
      download_url: z.url(),
      expires_at: z.iso.datetime(),
    }),
  ),
  mails: z.array(
    z.strictObject({
      recipient: z.string(),
      at: z.iso.datetime(),
      sent: z.boolean(),
      answer: z.string(),
    }),
  ),
});
const runsQuery = z.strictObject({
  ...pageSchema.shape,
  schedule_id: z.string().max(64).optional(),
});

const tag = 'Reports';
const path = '/api/v1/reports/schedules';
const runsPath = '/api/v1/reports/runs';
const read = { method: 'GET', needs: 'read', errors: 'envelope' } as const;
const write = { needs: 'admin', errors: 'envelope' } as const;

/** Weekly reports (PRP §5.6): their schedules, and what came of them. */
export function reportRoutes(deps: ReportRouteDeps): Route[] {
  return [...scheduleRoutes(deps), ...runNowRoute(deps), ...runRoutes(deps)];
}

function scheduleRoutes(deps: ReportRouteDeps): Route[] {
  const { schedules } = deps;
  const target = (call: Call): Promise<ReportSchedule> => scheduleOf(call, deps);
  return [
    {
      ...{ ...read, path, summary: 'Schedules of weekly reports' },
      spec: {
        ...{ tag, query: pageSchema },
        answers: { 200: z.strictObject({ schedules: z.array(scheduleAnswer), ...paged }) },
      },
      async handle(call) {
        const page = pageOf(call.req);
        const { items, total } = await schedules.list(principalOf(call).tenantId, page);
        call.res.json({ schedules: items.map(toScheduleJson), total, ...page });
      },
    },
    {
      ...{ ...write, method: 'POST', path, summary: 'Schedule a weekly report' },
      spec: { tag, body: newSchedule, answers: { 201: scheduleAnswer } },
      async handle(call) {
        const wanted = toWish(bodyOf(call.req, newSchedule));
        const schedule = await schedules.create(
          principalOf(call).tenantId,
          wanted as NewSchedule,
          actorOf(call),
        );
        call.res.status(201).json(toScheduleJson(schedule));
      },
    },
    {
      ...{ ...read, path: `${path}/:id`, summary: 'One schedule' },
      spec: { tag, answers: { 200: scheduleAnswer } },
      handle: async (call) => void call.res.json(toScheduleJson(await target(call))),
    },
    {
      ...{ ...write, method: 'PATCH', path: `${path}/:id`, summary: 'Change a schedule' },
      spec: { tag, body: change, answers: { 200: scheduleAnswer } },
      async handle(call) {
        const wanted = toWish(bodyOf(call.req, change));
        const schedule = await schedules.change(await target(call), wanted, actorOf(call));
        call.res.json(toScheduleJson(schedule));
      },
    },
    {
      ...{ ...write, method: 'DELETE', path: `${path}/:id`, summary: 'Remove a schedule' },
      spec: { tag, answers: { 200: z.strictObject({ status: z.literal('deleted') }) } },
      async handle(call) {
        await schedules.remove(await target(call), actorOf(call));
        call.res.json({ status: 'deleted' });
      },
    },
  ];
}

function runNowRoute(deps: ReportRouteDeps): Route[] {
  const { schedules } = deps;
  return [
    {
      ...{ ...write, method: 'POST', path: `${path}/:id/run` },
      summary: 'Make the report of the last seven days now',
      spec: { tag, answers: { 202: runAnswer } },
      async handle(call) {
        const run = await schedules.runNow(await scheduleOf(call, deps), actorOf(call));
        call.res.status(202).json(await toRunJson(run, call, deps));
      },
    },
  ];
}

const scheduleOf = (call: Call, { schedules }: ReportRouteDeps): Promise<ReportSchedule> =>
  found('schedule', schedules.find(principalOf(call).tenantId, paramOf(call.req, 'id')));

function runRoutes(deps: ReportRouteDeps): Route[] {
  const { schedules } = deps;
  return [
    {
      ...{ ...read, path: runsPath, summary: 'Reports that were made or are being made' },
      spec: {
        ...{ tag, query: runsQuery },
        answers: { 200: z.strictObject({ runs: z.array(runAnswer), ...paged }) },
      },
      async handle(call) {
        const { schedule_id: of, ...page } = queryOf(call.req, runsQuery);
        const { items, total } = await schedules.runs(principalOf(call).tenantId, page, of);
        const runs = await Promise.all(items.map((run) => toRunJson(run, call, deps)));
        call.res.json({ runs, total, ...page });
      },
    },
    {
      ...{ ...read, path: `${runsPath}/:id`, summary: 'One report with its files and mails' },
      spec: { tag, answers: { 200: runAnswer } },
      async handle(call) {
        const { tenantId } = principalOf(call);
        const run = await found('run', schedules.run(tenantId, paramOf(call.req, 'id')));
        call.res.json(await toRunJson(run, call, deps));
      },
    },
  ];
}

function toWish(body: z.output<typeof change>): Partial<NewSchedule> {
  const { weekday, time_zone: timeZone, enabled: isEnabled, ...rest } = body;
  const wish = {
    ...{ ...rest, timeZone, isEnabled },
    weekday: weekday === undefined ? undefined : weekdays.indexOf(weekday),
  };
  const given = Object.entries(wish).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given);
}

function toScheduleJson(schedule: ReportSchedule): z.input<typeof scheduleAnswer> {
  return {
    ...{ id: schedule.id, name: schedule.name, tags: schedule.tags },
    weekday: weekdays[schedule.weekday] ?? 'sunday',
    ...{ at: schedule.at, time_zone: schedule.timeZone, format: schedule.format },
    ...{ recipients: [...schedule.recipients], enabled: schedule.isEnabled },
    created_at: isoTime(schedule.createdAtMs),
    next_run_at: schedule.isEnabled ? isoTime(schedule.nextRunAtMs) : null,
  };
}

async function toRunJson(
  run: ReportRun,
  call: Call,
  { exports, publicUrl }: ReportRouteDeps,
): Promise<z.input<typeof runAnswer>> {
  const files = run.files.map(async ({ name, fileName, media, bytes }) => {
    const { url, expiresAtMs } = await exports.link(name, fileName);
    return {
      ...{ file_name: fileName, media_type: media, bytes },
      download_url: absoluteUrl(url, call, publicUrl),
      expires_at: isoTime(expiresAtMs),
    };
  });
  return {
    ...{ id: run.id, schedule_id: run.scheduleId, name: run.wanted.name, kind: run.kind },
    ...{ status: run.status, scheduled_at: isoTime(run.scheduledAtMs) },
    started_at: isoTimeOrNull(run.startedAtMs),
    finished_at: isoTimeOrNull(run.finishedAtMs),
    ...{ attempts: run.attempts, error: run.error, files: await Promise.all(files) },
    mails: run.mails.map(({ recipient, atMs, isSent, answer }) => ({
      ...{ recipient, at: isoTime(atMs), sent: isSent, answer },
    })),
  };
}
