import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { options as agentOptions } from '../../exporter-agent/config/schema.ts';
import { pinnedRelease } from '../../src/managed/index.ts';
import { configReference } from '../../src/platform/index.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const dockerfiles = ['docker/server.Dockerfile', 'docker/agent.Dockerfile'];

const compose = load(read('docker/compose.yaml')) as {
  services: Record<string, { image: string; environment: Record<string, string> }>;
};

/** What `COPY` takes from the checkout. */
function copied(dockerfile: string): string[] {
  return [...read(dockerfile).matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources = '']) =>
    sources.split(' '),
  );
}

describe('docker/', () => {
  it.each(dockerfiles)('%s copies what is there and what .dockerignore lets through', (file) => {
    const allowed = [...read('.dockerignore').matchAll(/^!(.+)$/gm)].map(([, path = '']) => path);
    const lost = copied(file).filter(
      (path) =>
        !existsSync(join(root, path)) ||
        !allowed.some((one) => path === one || path.startsWith(`${one}/`)),
    );
    expect(copied(file).length).toBeGreaterThan(3);
    expect(lost).toEqual([]);
  });

  it.each(dockerfiles)('%s ends as an ordinary user', (file) => {
    const last = read(file)
      .split(/^FROM /m)
      .at(-1);
    expect(last).toMatch(/^USER node$/m);
  });

  it('sets options that exist', () => {
    const text = [...dockerfiles, 'docker/compose.yaml', 'docker/README.md'].map(read).join('\n');
    const names = new Set([...text.matchAll(/\bGAUGEWAY_[A-Z0-9_]+/g)].map(([name]) => name));
    const known = new Set([
      ...[...configReference().matchAll(/`(GAUGEWAY_\w+)`/g)].map(([, name]) => name),
      ...Object.keys(agentOptions).map((name) => `GAUGEWAY_AGENT_${name.toUpperCase()}`),
      // Compose's own, between the services.
      'GAUGEWAY_STORE_PASSWORD',
    ]);
    expect(names.size).toBeGreaterThan(5);
    expect([...names].filter((name) => !known.has(name))).toEqual([]);
  });

  it('has no password of its own', () => {
    const secrets = Object.values(compose.services)
      .flatMap(({ environment }) => Object.entries(environment))
      .filter(([name]) => /password|key|database_url/i.test(name));
    expect(secrets.length).toBeGreaterThan(3);
    expect(secrets.filter(([, value]) => !/\$\{\w+(:\?[^}]+)?\}/.test(value))).toEqual([]);
  });

  it('runs the VictoriaMetrics that the product would fetch', () => {
    const { image } = compose.services['victoria-metrics']!;
    expect(image.split(':v').at(-1)).toBe(pinnedRelease.version);
  });
});
