import { describe, expect, it } from 'vitest';
import { guardTarget, isPublicAddress } from '../../../src/notify/target-guard.ts';

const refused = [
  ...['0.0.0.0', '0.1.2.3', '10.0.0.1', '10.255.255.255', '100.64.0.1', '100.127.255.255'],
  ...['127.0.0.1', '127.1.2.3', '169.254.0.1', '169.254.169.254', '172.16.0.1', '172.31.255.255'],
  ...['192.0.0.8', '192.0.2.1', '192.88.99.1', '192.168.0.1', '192.168.255.255', '198.18.0.1'],
  ...[
    '198.51.100.7',
    '203.0.113.9',
    '224.0.0.1',
    '239.255.255.250',
    '240.0.0.1',
    '255.255.255.255',
  ],
  ...['::', '::1', '::127.0.0.1', '::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:7f00:1'],
  ...['::ffff:0:127.0.0.1', '64:ff9b::7f00:1', '64:ff9b::169.254.169.254', '64:ff9b:1::1'],
  ...['100::1', 'fc00::1', 'fd00:ec2::254', 'fe80::1', 'fe80::1%eth0', 'fec0::1', 'ff02::1'],
  ...['2001:db8::1', '2001::1', '2001:10::1', '2002:7f00:1::', '2002:a9fe:a9fe::1', '3fff::1'],
  ...['5f00::1', 'not an address', ''],
];
const allowed = [
  ...['1.1.1.1', '8.8.8.8', '100.63.255.255', '100.128.0.0', '172.15.255.255', '172.32.0.0'],
  ...['192.167.255.255', '223.255.255.255', '2606:4700:4700::1111', '2a00:1450:4001:800::200e'],
  ...['::ffff:8.8.8.8', '64:ff9b::808:808', '2002:808:808::1'],
];

describe('an address', () => {
  it.each(refused)('%s is not public', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it.each(allowed)('%s is public', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });
});

const resolve = (...addresses: string[]) => ({
  allowPrivate: false,
  resolve: () => Promise.resolve(addresses),
});

describe('a target', () => {
  it.each([
    ...['http://2130706433/', 'http://0x7f.1/', 'http://0177.0.0.1/', 'http://127.1/'],
    ...['http://[::ffff:127.0.0.1]/', 'http://[::]/', 'https://user@169.254.169.254/latest'],
    ...['http://①②⑦.⓪.⓪.①/', 'http://127.0.0.1.:80/', 'http://[0:0:0:0:0:ffff:7f00:1]/'],
  ])('%s is loopback or metadata in another spelling', async (url) => {
    expect(await guardTarget(url, resolve('8.8.8.8'))).toMatchObject({ reason: 'private-address' });
  });

  it.each(['ftp://example.com/', 'file:///etc/passwd', 'gopher://x/', 'javascript:1', 'nothing'])(
    '%s has no scheme that is allowed, private networks or not',
    async (url) => {
      const terms = { ...resolve('8.8.8.8'), allowPrivate: true };
      expect(await guardTarget(url, terms)).toMatchObject({ reason: 'scheme' });
    },
  );

  it('is refused where one of its addresses is private', async () => {
    const verdict = await guardTarget('https://example.com/', resolve('8.8.8.8', '10.0.0.1'));
    expect(verdict).toMatchObject({ ok: false, reason: 'private-address' });
  });

  it('is refused where its name has no address', async () => {
    const failing = { allowPrivate: false, resolve: () => Promise.reject(new Error('SERVFAIL')) };
    expect(await guardTarget('https://a.example/', failing)).toMatchObject({
      reason: 'unresolvable',
    });
    expect(await guardTarget('https://a.example/', resolve())).toMatchObject({
      reason: 'unresolvable',
    });
  });

  it('is looked up once and bound to what was found', async () => {
    let asked = 0;
    const rebinding = () => Promise.resolve([asked++ === 0 ? '8.8.8.8' : '127.0.0.1']);
    const verdict = await guardTarget('https://rebind.example/', {
      ...{ allowPrivate: false, resolve: rebinding },
    });
    expect(verdict).toMatchObject({ ok: true, address: '8.8.8.8', family: 4 });
    expect(asked).toBe(1);
  });

  it('may be private where that is allowed', async () => {
    const verdict = await guardTarget('http://127.0.0.1:9/', { allowPrivate: true });
    expect(verdict).toMatchObject({ ok: true, address: '127.0.0.1' });
  });
});
