import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { options } from '../../../exporter-agent/config/schema.ts';

const folder = 'exporter-agent/install';
const read = (name: string) => readFileSync(`${folder}/${name}`, 'utf8');
const readme = readFileSync('exporter-agent/README.md', 'utf8');
const script = read('install.sh');
const scriptOptions = [...script.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, name = '']) => name);
const agentNames = Object.keys(options).map((name) => `GAUGEWAY_AGENT_${name.toUpperCase()}`);

interface Task {
  name: string;
  block?: Task[];
  always?: Task[];
  no_log?: boolean;
  [module: string]: unknown;
}

const tasksOf = (tasks: readonly Task[]): Task[] =>
  tasks.flatMap(({ block = [], always = [], ...task }) =>
    block.length === 0 ? [task as Task] : [...tasksOf(block), ...tasksOf(always)],
  );

describe('the playbook', () => {
  const [play] = load(read('ansible.yaml')) as { tasks: Task[]; vars: object; become: boolean }[];
  const tasks = tasksOf(play!.tasks);

  it('is named throughout, and uses modules by their full name', () => {
    expect(tasks.length).toBe(6);
    for (const task of tasks) {
      expect(task.name).toBeTruthy();
      expect(Object.keys(task).filter((key) => key.startsWith('ansible.builtin.'))).toHaveLength(1);
    }
  });

  it('gives the script options that it has, and the token by a file that is not logged', () => {
    const { argv } = tasks.find((task) => 'ansible.builtin.command' in task)![
      'ansible.builtin.command'
    ] as { argv: string };
    const used = [...argv.matchAll(/'(--[a-z-]+)'/g)].map(([, name]) => name);
    expect(used).toEqual(['--token-file', '--profile', '--ca-file']);
    expect(used.filter((name) => !scriptOptions.includes(name!))).toEqual([]);
    expect(argv).not.toContain('gaugeway_token');
    expect(tasks.filter((task) => JSON.stringify(task).includes('gaugeway_token'))).toEqual([
      expect.objectContaining({ no_log: true }),
    ]);
  });

  it('knows the words by which the script says that nothing was to be done', () => {
    expect(read('ansible.yaml')).toContain("'up to date' not in");
    expect(script).toContain('is up to date');
  });
});

describe('the README', () => {
  const compose = /```yaml\n(services:[^]*?)```/.exec(readme)?.[1] ?? '';

  it('has a Compose file that sees the host and may do nothing', () => {
    const { services, volumes } = load(compose) as {
      services: Record<string, Record<string, unknown>>;
      volumes: object;
    };
    expect(services['gaugeway-agent']).toMatchObject({
      ...{ network_mode: 'host', pid: 'host', read_only: true, cap_drop: ['ALL'] },
      volumes: ['/:/host:ro,rslave', 'gaugeway-agent:/var/lib/gaugeway-agent'],
    });
    expect(Object.keys(volumes)).toEqual(['gaugeway-agent']);
  });

  it('sets options that exist', () => {
    const names = [...readme.matchAll(/\bGAUGEWAY_AGENT_[A-Z_]+\b/g)].map(([name]) => name);
    const known = new Set([
      ...agentNames,
      'GAUGEWAY_AGENT_',
      'GAUGEWAY_AGENT_NAME',
      'GAUGEWAY_AGENT_CONFIG',
    ]);
    expect(names.length).toBeGreaterThan(3);
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  });

  it('lists the options of the script', () => {
    const missing = scriptOptions.filter(
      (name) => !readme.includes(`\`${name}`) && !readme.includes(`${name}\``),
    );
    expect(scriptOptions.length).toBeGreaterThan(10);
    expect(missing.filter((name) => name !== '--url')).toEqual([]);
  });
});

describe('the units', () => {
  const flags = /--jitless --max-semi-space-size=1 --no-node-snapshot --max-old-space-size=24/;

  it('run the agent with the same flags as the command', () => {
    expect(read('gaugeway-agent.service')).toMatch(flags);
    expect(script).toMatch(flags);
    const words = [...read('com.gaugeway.agent.plist').matchAll(/<string>(.*)<\/string>/g)];
    expect(words.map(([, word]) => word).join(' ')).toMatch(flags);
  });

  it('the script sets options that exist', () => {
    const names = [...script.matchAll(/\bGAUGEWAY_AGENT_[A-Z_]+\b/g)].map(([name]) => name);
    const known = new Set([...agentNames, 'GAUGEWAY_AGENT_NAME']);
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  });

  it('the plist is XML whose every key has a value', () => {
    const body = /<dict>([^]*)<\/dict>/.exec(read('com.gaugeway.agent.plist'))?.[1] ?? '';
    const tags = [...body.matchAll(/<(\/?)(\w+)(\/?)>/g)];
    const open: string[] = [];
    for (const [, end, name = '', empty] of tags) {
      if (end === '/') expect(open.pop()).toBe(name);
      else if (empty !== '/') open.push(name);
    }
    expect(open).toEqual([]);
    const keys = body.match(/<key>/g)?.length;
    expect(body.match(/<\/key>\s*<(string|true|false|integer|array|dict)\b/g)?.length).toBe(keys);
  });
});
