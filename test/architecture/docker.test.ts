import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { load, YAML11_SCHEMA } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { options as agentOptions } from '../../exporter-agent/config/schema.ts';
import { pinnedRelease } from '../../src/managed/index.ts';
import { writePaths } from '../../src/http/write/handler.ts';
import { configReference, loadConfig } from '../../src/platform/index.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const dockerfiles = ['docker/server.Dockerfile', 'docker/agent.Dockerfile'];

interface Service {
  image: string;
  environment?: Record<string, string>;
  command?: string[];
  volumes?: string[];
  networks?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: object;
}

interface Compose {
  services: Record<string, Service>;
  volumes?: Record<string, unknown>;
  networks?: Record<string, unknown>;
}

/** As Compose reads it: with merge keys. */
const composeOf = (file: string) => load(read(file), { schema: YAML11_SCHEMA }) as Compose;
const composes = ['compose.yaml', 'compose.replicas.yaml', 'compose.cluster.yaml'].map(
  (name) => `docker/${name}`,
);
const servicesOf = (file: string) => Object.entries(composeOf(file).services);

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
    const text = [...dockerfiles, ...composes, 'docker/README.md'].map(read).join('\n');
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

  it.each(composes)('%s has no password of its own', (file) => {
    const secrets = servicesOf(file)
      .flatMap(([, { environment = {} }]) => Object.entries(environment))
      .filter(([name]) => /password|key|database_url/i.test(name));
    expect(secrets.length).toBeGreaterThan(2);
    expect(secrets.filter(([, value]) => !/\$\{\w+(:\?[^}]+)?\}/.test(value))).toEqual([]);
    const demanded = [...read(file).matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name);
    const used = [...read(file).matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name);
    expect(used.filter((name) => !demanded.includes(name))).toEqual([]);
  });

  it.each(composes)(
    '%s refers to what it declares, and waits for what says that it is well',
    (file) => {
      const { services, volumes = {}, networks = {} } = composeOf(file);
      const missing = Object.entries(services).flatMap(([name, service]) => [
        ...Object.entries(service.depends_on ?? {})
          .filter(([other, { condition }]) => {
            const there = services[other];
            return !there || (condition === 'service_healthy' && !there.healthcheck);
          })
          .map(([other]) => `${name}: depends_on ${other}`),
        ...(service.volumes ?? [])
          .map((one) => one.split(':')[0] ?? '')
          .filter((one) =>
            one.startsWith('.') ? !existsSync(join(root, 'docker', one)) : !(one in volumes),
          )
          .map((one) => `${name}: volume ${one}`),
        ...(service.networks ?? [])
          .filter((one) => !(one in networks))
          .map((one) => `${name}: network ${one}`),
      ]);
      expect(missing).toEqual([]);
      const mounted = Object.values(services).flatMap(({ volumes: own = [] }) => own);
      const unused = Object.keys(volumes).filter(
        (name) => !mounted.some((one) => one.startsWith(`${name}:`)),
      );
      expect(unused).toEqual([]);
    },
  );

  it.each(composes)('%s runs Gaugeway with a configuration that it takes', (file) => {
    const gaugeways = servicesOf(file).filter(([, { image }]) => image === 'gaugeway');
    expect(gaugeways.length).toBeGreaterThan(0);
    for (const [, { environment = {} }] of gaugeways) {
      const given = Object.entries(environment).map(([name, value]) => [
        name,
        value.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1').replaceAll(/\$\{[^}]+\}/g, 'x'.repeat(43)),
      ]);
      expect(() =>
        loadConfig({ environment: Object.fromEntries(given) as Record<string, string> }),
      ).not.toThrow();
    }
  });

  it.each(composes)('%s runs the VictoriaMetrics that the product would fetch', (file) => {
    const images = servicesOf(file).map(([, { image }]) => image);
    const victoria = images.filter((image) => image.startsWith('victoriametrics/'));
    expect(victoria.length).toBeGreaterThan(0);
    for (const image of victoria) {
      expect(
        image
          .split(':v')
          .at(-1)
          ?.replace(/-cluster$/, ''),
      ).toBe(pinnedRelease.version);
    }
  });

  it('has two of each role behind the balancer, each gateway with a journal of its own', () => {
    const services = servicesOf('docker/compose.replicas.yaml');
    const roles = services.flatMap(([, { environment }]) => environment?.['GAUGEWAY_ROLES'] ?? []);
    expect(roles.sort()).toEqual(
      ['gateway', 'api', 'ruler', 'worker'].flatMap((role) => [role, role]).sort(),
    );
    const journals = services
      .filter(([, { environment }]) => environment?.['GAUGEWAY_ROLES'] === 'gateway')
      .map(([, { volumes }]) => volumes?.join());
    expect(new Set(journals).size).toBe(2);
  });

  it('sends all paths of the write path to gateways', () => {
    const config = read('docker/nginx.replicas.conf');
    const pattern = new RegExp(/location ~ (\S+) \{/.exec(config)?.[1] ?? '$^');
    for (const path of writePaths) expect(path).toMatch(pattern);
    for (const path of ['/api/v1/ingest/metrics', '/api/v1/ingest/heartbeat']) {
      expect(path).toMatch(pattern);
    }
    expect('/api/v1/query').not.toMatch(pattern);
    const servers = [...config.matchAll(/server ([\w-]+):8080/g)].map(([, name]) => name);
    const { services } = composeOf('docker/compose.replicas.yaml');
    expect(servers.filter((name) => !name || !(name in services))).toEqual([]);
  });

  it('keeps two copies in the cluster as its documentation demands', () => {
    const flagsOf = (kind: string) =>
      servicesOf('docker/compose.cluster.yaml')
        .filter(([, { image }]) => image.includes(`/${kind}:`))
        .map(([, { command = [] }]) => command);
    expect(flagsOf('vmstorage').length).toBeGreaterThanOrEqual(2 * 2 - 1);
    for (const flags of [...flagsOf('vminsert'), ...flagsOf('vmselect')]) {
      expect(flags).toContain('-replicationFactor=2');
      expect(flags.find((flag) => flag.startsWith('-storageNode='))?.split(',')).toHaveLength(3);
    }
    for (const flags of [...flagsOf('vmselect'), ...flagsOf('vmstorage')]) {
      expect(flags).toContain('-dedup.minScrapeInterval=1ms');
    }
  });
});
