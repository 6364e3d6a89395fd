import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { send } from '../../support/alerts.ts';
import { startReceiver, type Receiver } from '../../support/receiver.ts';
import { startSmtp, type SmtpServer } from '../../support/smtp.ts';
import {
  postJson,
  Stage,
  startProduct,
  startStorage,
  until,
  type Product,
} from '../../support/stage.ts';

const rules = `
interval: 1s
rules:
  - id: hot
    name: CPU Hot
    expression: cpu.utilization > 90
    duration: static
    severity: critical
    channels: [webhook, 'email:ops@example.com', alertmanager]
`;

const stage = new Stage();
let product: Product;
let receiver: Receiver;
let smtp: SmtpServer;

interface Payload {
  status: string;
  alerts: { labels: Record<string, string>; annotations: Record<string, string> }[];
}
const payloads = () => receiver.posts.map(({ body }) => JSON.parse(body) as Payload);

const cpu = (value: number, hosts: number) =>
  send(
    product,
    Array.from({ length: hosts }, (_, index) => ({
      ...{ labels: { __name__: 'cpu_utilization', host_id: `web-${index}` }, value },
    })),
  );

beforeAll(async () => {
  const folder = stage.directory();
  writeFileSync(join(folder, 'hot.yaml'), rules);
  [receiver, smtp] = [await startReceiver(stage), await startSmtp(stage)];
  product = await startProduct(stage, await startStorage(stage), {
    GAUGEWAY_RULES_DIR: folder,
    GAUGEWAY_ALLOW_PRIVATE_WEBHOOKS: 'true',
    GAUGEWAY_SMTP_URL: smtp.url,
    GAUGEWAY_SMTP_FROM: 'gaugeway@mail.example',
    GAUGEWAY_PUBLIC_URL: 'https://gw.example',
  });
  await postJson(
    `${product.url}/api/v1/channels`,
    { name: 'hook', kind: 'webhook', target: receiver.url, is_default: true },
    product.adminToken,
  );
}, 120_000);

afterAll(() => stage.end());

describe('a rule that names kinds of channels', () => {
  it('tells the default webhook and the address of twenty hosts at once, and that it is over', async () => {
    await cpu(97, 20);
    const told = (status: string) =>
      payloads()
        .filter((payload) => payload.status === status)
        .flatMap(({ alerts }) => alerts);
    await until('all are told', () => Promise.resolve(told('firing').length >= 20));
    const hosts = told('firing').map(({ labels }) => labels['host_id']);
    expect(new Set(hosts).size).toBe(20);
    expect(hosts).toHaveLength(20);
    expect(told('firing')[0]).toMatchObject({
      labels: { alertname: 'CPU Hot', severity: 'critical' },
    });
    await until('a mail is there', () => Promise.resolve(smtp.mails.length > 0));
    expect(smtp.mails[0]?.headers['from']).toBe('gaugeway@mail.example');
    expect(smtp.mails[0]?.source).toContain('https://gw.example/a/');

    await cpu(20, 20);
    await until('all are told that it is over', () =>
      Promise.resolve(told('resolved').length >= 20),
    );
    expect(told('resolved')).toHaveLength(20);
    // No default channel of a kind is no channel: nothing was given up because of it.
    const answer = await fetch(`${product.url}/api/v1/deliveries?status=dead`, {
      headers: { authorization: product.adminToken },
    });
    expect(await answer.json()).toMatchObject({ total: 0 });
  });
});
