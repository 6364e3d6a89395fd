import type { AckLinks, Linked, LinkedAlert, LinkedAlerts } from '../../notify/index.ts';
import { ipOf, paramOf } from '../parse.ts';
import { argumentsOf } from '../prometheus-arguments.ts';
import type { Call, Route } from '../route.ts';
import { textAnswer } from '../schemas/foreign.ts';
import { alertsPage, messagePage } from './acknowledge-page.ts';

interface Deps {
  links: AckLinks;
  alerts: LinkedAlerts;
}

const path = '/a/:token';
const row = { path, needs: 'public', errors: 'envelope' } as const;
const maxName = 80;
const maxComment = 500;

/** The page behind a link in a message. To look at it changes nothing: mail scanners follow every link. */
export function acknowledgeLinkRoutes({ links, alerts }: Deps): Route[] {
  return [
    {
      ...{ ...row, method: 'GET', summary: 'The page of an acknowledge link' },
      spec: {
        tag: 'Alerts',
        answers: {
          200: textAnswer(
            'text/html',
            'A page for people; links that are none or over get one too (404, 410).',
          ),
        },
      },
      async handle(call) {
        const linked = linkedOf(call, links);
        if (!linked) return;
        const found = await alerts.find(linked.tenantId, linked.subject);
        answer(call, 200, pageOf(found));
      },
    },
    {
      ...{ ...row, method: 'POST', summary: 'Acknowledge what the link names' },
      spec: {
        tag: 'Alerts',
        answers: { 200: textAnswer('text/html', 'The page with the new state.') },
      },
      async handle(call) {
        const linked = linkedOf(call, links);
        if (!linked) return;
        await acknowledge(call, linked, alerts);
      },
    },
  ];
}

async function acknowledge(call: Call, linked: Linked, alerts: LinkedAlerts): Promise<void> {
  const { tenantId, subject, via } = linked;
  const form = await argumentsOf(call.req);
  const name = printable(form.get('name'), maxName);
  const found = await alerts.find(tenantId, subject);
  if (name === '') {
    answer(call, 400, alertsPage(found, 'Please say who you are.'));
    return;
  }
  const open = found.filter(({ endsAtMs }) => endsAtMs === null);
  const ids = open.map(({ incidentId }) => incidentId);
  const by = { name, comment: printable(form.get('comment'), maxComment), via, ip: ipOf(call.req) };
  await alerts.acknowledge(tenantId, ids, by);
  answer(call, 200, pageOf(await alerts.find(tenantId, subject)));
}

/** Answers itself where the link is no good. */
function linkedOf(call: Call, links: AckLinks): Linked | undefined {
  const verdict = links.read(paramOf(call.req, 'token'));
  if (verdict.ok) return verdict.linked;
  if (verdict.reason === 'expired') {
    answer(call, 410, messagePage('This link is over', 'Links are good for seven days.'));
  } else {
    answer(
      call,
      404,
      messagePage('This is no valid link', 'Perhaps it was cut off in the message.'),
    );
  }
  return undefined;
}

function pageOf(found: readonly LinkedAlert[]): string {
  if (found.length > 0) return alertsPage(found);
  return messagePage('There is nothing here any more', 'The alert was removed.');
}

function answer(call: Call, status: number, page: string): void {
  call.res
    .status(status)
    .set({
      'Content-Type': 'text/html; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Robots-Tag': 'noindex, nofollow',
      'Referrer-Policy': 'no-referrer',
      'Content-Security-Policy':
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    })
    .send(page);
}

const printable = (text: string | null, length: number): string =>
  (text ?? '')
    .replace(/[\p{Cc}\p{Cs}]+/gu, ' ')
    .trim()
    .slice(0, length);
