import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { alertmanagerBody, alertmanagerUrl } from '../../../src/notify/channels/alertmanager.ts';
import { mailOf } from '../../../src/notify/channels/email.ts';
import { slackBody, slackOutcome } from '../../../src/notify/channels/slack.ts';
import { teamsBody } from '../../../src/notify/channels/teams.ts';
import { goTime, signatureHeaders, webhookBody } from '../../../src/notify/channels/webhook.ts';
import { lasting, titleOf } from '../../../src/notify/words.ts';
import { messageOf, startMs } from './messages.ts';

const hostile = '<!channel> <script>alert("x")</script> & *bold* `code` [a](http://b) \r\nBcc: c@d';
const storm = Array.from({ length: 500 }, (_, index) => ({
  ...{ host: `web-${index}-${'x'.repeat(200)}`, annotations: { summary: '&'.repeat(5_000) } },
}));

describe('a title', () => {
  it.each([
    [[{}], '[FIRING] CPU High: web-1'],
    [[{ kind: 'refired' as const }], '[FIRING AGAIN] CPU High: web-1'],
    [[{ kind: 'repeat' as const }], '[STILL FIRING] CPU High: web-1'],
    [[{ kind: 'resolved' as const }], '[RESOLVED] CPU High: web-1'],
    [[{}, { kind: 'resolved' as const }, {}], '[FIRING 2, RESOLVED 1] CPU High: 3 alerts'],
    [[{ host: '' }], '[FIRING] CPU High'],
  ])('of %j is %s', (wanted, title) => {
    expect(titleOf(messageOf({}, wanted))).toBe(title);
  });

  it.each([
    ...([
      [0, '0s'],
      [999, '1s'],
      [59_000, '59s'],
      [60_000, '1m'],
      [754_000, '12m 34s'],
    ] as const),
    ...([
      [3_600_000, '1h'],
      [3_605_000, '1h'],
      [11_100_000, '3h 5m'],
      [187_200_000, '2d 4h'],
    ] as const),
  ])('%i milliseconds last %s', (ms, text) => {
    expect(lasting(ms)).toBe(text);
  });
});

describe('the webhook', () => {
  it("is Alertmanager's version 4 with our link", () => {
    expect(JSON.parse(webhookBody(messageOf({ name: 'team.all' }, [{}])))).toEqual({
      receiver: 'team\\.all',
      status: 'firing',
      alerts: [
        {
          status: 'firing',
          labels: { alertname: 'CPU High', host_id: 'web-1', severity: 'critical' },
          annotations: { summary: 'CPU of web-1 at 97%' },
          startsAt: '2026-11-22T20:31:35.46Z',
          endsAt: '0001-01-01T00:00:00Z',
          generatorURL: '',
          fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
          acknowledgeURL: 'https://gw.example/a/token',
        },
      ],
      groupLabels: { alertname: 'CPU High' },
      commonLabels: { alertname: 'CPU High', host_id: 'web-1', severity: 'critical' },
      commonAnnotations: { summary: 'CPU of web-1 at 97%' },
      externalURL: 'https://gw.example',
      version: '4',
      groupKey: '{}:{alertname="CPU High"}',
      truncatedAlerts: 0,
    });
  });

  it('is resolved only when all of it is, and says what alerts have in common', () => {
    const mixed = [{ host: 'a', kind: 'resolved' as const }, { host: 'b' }];
    const payload = JSON.parse(webhookBody(messageOf({}, mixed))) as Record<string, unknown>;
    expect(payload).toMatchObject({
      ...{ status: 'firing', commonAnnotations: {} },
      commonLabels: { alertname: 'CPU High', severity: 'critical' },
      alerts: [{ status: 'firing' }, { status: 'resolved', endsAt: '2026-11-22T20:44:09.46Z' }],
    });
  });

  it.each([
    [1_700_000_000_000, '2023-11-14T22:13:20Z'],
    [1_700_000_000_100, '2023-11-14T22:13:20.1Z'],
    [1_700_000_000_120, '2023-11-14T22:13:20.12Z'],
    [1_700_000_000_123, '2023-11-14T22:13:20.123Z'],
  ])('prints the time %i as Go does', (ms, text) => {
    expect(goTime(ms)).toBe(text);
  });

  it('is signed as Standard Webhooks has it', () => {
    const secret = `whsec_${Buffer.from('a key of some length').toString('base64')}`;
    const message = { id: 'msg', atMs: 1_700_000_000_000 };
    const mac = createHmac('sha256', 'a key of some length').update('msg.1700000000.{}');
    expect(signatureHeaders(message, '{}', secret)).toEqual({
      ...{ 'webhook-id': 'msg', 'webhook-timestamp': '1700000000' },
      'webhook-signature': `v1,${mac.digest('base64')}`,
    });
    expect(signatureHeaders(message, '{}', undefined)).not.toHaveProperty('webhook-signature');
  });
});

describe('Slack', () => {
  it('gets a header, the facts, a colour and a button', () => {
    const body = JSON.parse(slackBody(messageOf({ kind: 'slack' }))) as Record<string, unknown>;
    expect(body).toEqual({
      text: '[FIRING] CPU High: web-1',
      attachments: [
        {
          color: '#c92a2a',
          blocks: [
            {
              type: 'header',
              text: { type: 'plain_text', text: '[FIRING] CPU High: web-1', emoji: false },
            },
            {
              type: 'section',
              text: {
                ...{ type: 'mrkdwn', verbatim: true },
                text: '*FIRING* · web-1 · value 97.1235\nCPU of web-1 at 97%\nsince 2026-11-22 20:31:35 UTC\n`host_id=web-1 severity=critical`',
              },
            },
            {
              type: 'actions',
              elements: [
                {
                  ...{ type: 'button', style: 'primary', url: 'https://gw.example/a/token' },
                  text: { type: 'plain_text', text: 'Acknowledge' },
                },
              ],
            },
          ],
        },
      ],
    });
  });

  it('gets a storm within its limits', () => {
    const body = slackBody(messageOf({ kind: 'slack' }, storm));
    const { attachments } = JSON.parse(body) as {
      attachments: [{ blocks: { type: string; text?: { text: string } }[] }];
    };
    const { blocks } = attachments[0];
    expect(blocks.length).toBeLessThanOrEqual(50);
    expect(JSON.stringify(blocks).length).toBeLessThan(13_200);
    expect(Math.max(...blocks.map(({ text }) => text?.text.length ?? 0))).toBeLessThanOrEqual(
      3_000,
    );
    expect(body).toContain('… and 490 more');
  });

  it('says how long it lasted and has no button once it is over', () => {
    const body = slackBody(messageOf({ kind: 'slack' }, [{ kind: 'resolved', flaps: 2 }]));
    expect(body).toContain('(12m 34s), came back 2 times');
    expect(body).not.toContain('button');
    expect(body).toContain('#2b8a3e');
  });

  it('has not taken what it answers otherwise than with ok', () => {
    const sent = (answer: string) => ({ kind: 'sent' as const, status: 200, answer });
    const hook = 'https://hooks.slack.com/services/x';
    expect(slackOutcome(sent('ok'), hook).kind).toBe('sent');
    expect(slackOutcome(sent('no_text'), hook).kind).toBe('dead');
    expect(slackOutcome(sent('{"success":true}'), 'https://chat.example/hook').kind).toBe('sent');
  });

  it('pings nobody because of a label', () => {
    const body = slackBody(messageOf({ kind: 'slack' }, [{ host: hostile, ruleName: hostile }]));
    const { text, attachments } = JSON.parse(body) as {
      text: string;
      attachments: [{ blocks: { type: string; text?: { text: string } }[] }];
    };
    const markup = attachments[0].blocks.filter(({ type }) => type === 'section');
    expect(text).not.toContain('<!channel>');
    expect(JSON.stringify(markup)).not.toContain('<!channel>');
  });
});

describe('Teams', () => {
  it('gets one Adaptive Card', () => {
    const card = JSON.parse(teamsBody(messageOf({ kind: 'teams' }))) as Record<string, unknown>;
    expect(card).toMatchObject({
      type: 'message',
      attachments: [
        {
          contentType: 'application/vnd.microsoft.card.adaptive',
          content: {
            type: 'AdaptiveCard',
            body: [
              { color: 'Attention', style: 'heading' },
              { type: 'TextBlock' },
              { type: 'FactSet' },
            ],
            actions: [{ type: 'Action.OpenUrl', url: 'https://gw.example/a/token' }],
          },
        },
      ],
    });
  });

  it('gets a storm within 28 KB', () => {
    expect(Buffer.byteLength(teamsBody(messageOf({ kind: 'teams' }, storm)))).toBeLessThan(28_000);
  });

  it('makes no link of a label', () => {
    expect(teamsBody(messageOf({ kind: 'teams' }, [{ host: hostile }]))).toContain('\\\\[a\\\\]');
  });
});

describe('a mail', () => {
  const mail = (wanted?: Parameters<typeof messageOf>[1]) =>
    mailOf(messageOf({ kind: 'email', target: 'ops@example.com' }, wanted), 'G <g@mail.example>');

  it('says who, what, since when, and what to do', () => {
    const { text, html, subject, messageId, references } = mail([
      { annotations: { runbook_url: 'https://wiki.example/cpu' }, labels: { zone: 'eu' } },
    ]);
    expect(subject).toBe('[FIRING] CPU High: web-1');
    expect(messageId).toBe('<00000000-0000-4000-8000-000000000001@mail.example>');
    expect(references).toBe('<incident-incident-0@mail.example>');
    for (const part of [text, html]) {
      expect(part).toContain('CPU of web-1 at 97%');
      expect(part).toContain('since 2026-11-22 20:31:35 UTC');
      expect(part).toContain('https://gw.example/a/token');
      expect(part).toContain('https://wiki.example/cpu');
      expect(part).toContain('zone');
    }
  });

  it('keeps markup and line ends of labels where they belong', () => {
    const { html, subject } = mail([
      { host: hostile, annotations: { runbook_url: 'javascript:alert(1)' } },
    ]);
    expect(html).not.toContain('<script>');
    expect(html).not.toContain('javascript:');
    expect(subject).not.toMatch(/[\r\n]/);
  });

  it('lists fifty of a storm', () => {
    const { html, text, references } = mail(storm);
    expect(text).toContain('… and 450 more');
    expect(html).toContain('… and 450 more');
    expect(Buffer.byteLength(html)).toBeLessThan(2 << 20);
    expect(references).toMatch(/^<rule-[0-9a-f]{16}@mail\.example>$/);
  });
});

describe('an Alertmanager', () => {
  it.each([
    ['http://am:9093', 'http://am:9093/api/v2/alerts'],
    ['http://am:9093/', 'http://am:9093/api/v2/alerts'],
    ['https://x.example/am/', 'https://x.example/am/api/v2/alerts'],
    ['http://am:9093/api/v2/alerts', 'http://am:9093/api/v2/alerts'],
  ])('%s takes alerts at %s', (target, url) => {
    expect(alertmanagerUrl(target)).toBe(url);
  });

  it('hears that a firing alert ends in four minutes, and of a resolved one when it did', () => {
    const { alerts } = messageOf({}, [{}, { kind: 'resolved' }]);
    const [firing, resolved] = JSON.parse(alertmanagerBody(alerts, startMs)) as {
      endsAt: string;
    }[];
    expect(Date.parse(firing!.endsAt) - startMs).toBe(240_000);
    expect(Date.parse(resolved!.endsAt) - startMs).toBe(754_000);
  });
});
