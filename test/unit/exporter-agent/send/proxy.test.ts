import { describe, expect, it } from 'vitest';
import {
  parseProxy,
  proxyAuthorization,
  proxyFromEnvironment,
} from '../../../../exporter-agent/send/proxy.ts';

const proxyFor = (url: string, env: Record<string, string>) =>
  proxyFromEnvironment(env, new URL(url))?.href;

describe('the proxy from the environment', () => {
  const both = { HTTPS_PROXY: 'http://secure:1', HTTP_PROXY: 'http://plain:2' };

  it('is the one for the scheme of the address, in either spelling', () => {
    expect(proxyFor('https://g.example', both)).toBe('http://secure:1/');
    expect(proxyFor('http://g.example', both)).toBe('http://plain:2/');
    expect(proxyFor('https://g.example', { https_proxy: 'proxy.example:3128' })).toBe(
      'http://proxy.example:3128/',
    );
    expect(proxyFor('https://g.example', {})).toBeUndefined();
  });

  it.each(['https://localhost', 'http://127.0.0.1:8080', 'https://[::1]:9'])(
    'is none for this very machine: %s',
    (url) => {
      expect(proxyFor(url, both)).toBeUndefined();
    },
  );

  it.each([
    ['g.example', true],
    ['.example', true],
    ['*.example', true],
    ['example', true],
    ['a.b, g.example ,c', true],
    ['*', true],
    ['g.example:8443', true],
    ['g.example:443', false],
    ['ple', false],
    ['other.example', false],
    ['', false],
    [',', false],
  ])('is none for https://g.example:8443 with NO_PROXY "%s": %s', (NO_PROXY, isNone) => {
    expect(proxyFor('https://g.example:8443', { ...both, NO_PROXY }) === undefined).toBe(isNone);
  });

  it.each([
    ['10.0.0.0/8', 'https://10.1.2.3', true],
    ['10.0.0.0/8', 'https://11.1.2.3', false],
    ['10.1.2.3', 'https://10.1.2.3', true],
    ['fd00::/8', 'https://[fd12::1]', true],
    ['fd00::/8', 'https://10.1.2.3', false],
    ['10.0.0.0/99', 'https://10.1.2.3', false],
    ['0.0.0.0/0', 'https://name.example', false],
  ])('knows networks: NO_PROXY %s, %s: %s', (NO_PROXY, url, isNone) => {
    expect(proxyFor(url, { ...both, NO_PROXY }) === undefined).toBe(isNone);
  });

  it('names the variable that is no proxy, and not what is in it', () => {
    const env = { HTTPS_PROXY: 'socks5://user:secret@s:1' };
    expect(() => proxyFor('https://g.example', env)).toThrow(/^HTTPS_PROXY wants the address/);
    expect(() => proxyFor('https://g.example', env)).not.toThrow(/secret/);
  });
});

describe('the authorization for a proxy', () => {
  it('is the user and password of its address, as they were meant', () => {
    expect(proxyAuthorization(parseProxy('http://us%3Aer:p%40ss@p:1'))).toEqual({
      'proxy-authorization': `Basic ${Buffer.from('us:er:p@ss').toString('base64')}`,
    });
    expect(proxyAuthorization(parseProxy('http://p:1'))).toEqual({});
  });
});
