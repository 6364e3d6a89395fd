import { afterAll, beforeAll, expect, it } from 'vitest';
import { adminPassword, startInProcess } from '../support/in-process.ts';
import { startSmtp, type SmtpServer } from '../support/smtp.ts';
import { Stage, postJson, startStorage } from '../support/stage.ts';

const stage = new Stage();
let smtp: SmtpServer;
let url: string;
let admin: string;
const owner = { email: 'owner@example.com', password: 'a-password-that-is-forgotten' };
let path: string;

beforeAll(async () => {
  const storage = await startStorage(stage);
  smtp = await startSmtp(stage);
  const product = await startInProcess(stage, storage, {
    env: { GAUGEWAY_SMTP_URL: smtp.url, GAUGEWAY_PUBLIC_URL: 'https://gaugeway.example/' },
  });
  url = product.url;
  const me = { email: 'admin@localhost', password: adminPassword };
  admin = (await postJson(`${url}/api/v1/auth/login`, me))['token'] ?? '';
  const made = await postJson(`${url}/api/v1/users`, { ...owner, role: 'Viewer' }, admin);
  path = `${url}/api/v1/users/${made['id'] ?? ''}/reset-password`;
}, 120_000);
afterAll(() => stage.end(), 60_000);

it('who forgot a password gets a mail with which a new one is set', async () => {
  expect(await postJson(path, {}, admin)).toMatchObject({ mailed: true });
  const mail = smtp.mails.at(-1)!;
  expect(mail.to).toBe(owner.email);
  const text = mail.source.replaceAll('=\r\n', '').replaceAll('=3D', '=');
  expect(text).toContain('curl https://gaugeway.example/api/v1/auth/reset');
  const token = /gwp_[\w-]{43}/.exec(text)?.[0];
  const password = 'a-password-that-is-new';
  await postJson(`${url}/api/v1/auth/reset`, { token, password });
  const granted = await postJson(`${url}/api/v1/auth/login`, { ...owner, password });
  expect(granted['token']).toMatch(/^Bearer /);
});

it('an administrator is told where the mail server took none', async () => {
  smtp.refuse({ recipient: '550 no such mailbox' });
  expect(await postJson(path, {}, admin)).toMatchObject({
    ...{ mailed: false, reset_token: expect.stringMatching(/^gwp_/) as string },
  });
});
