import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folders = ['docs', 'src', 'test', 'rules', 'exporter-agent', 'grafana-compat', 'docker'];

function filesBelow(folder: string, ending: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(root, folder, name));
}

const pages = [
  ...readdirSync(root)
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(root, name)),
  ...folders.flatMap((folder) => filesBelow(folder, '.md')),
];
const read = (file: string) => readFileSync(file, 'utf8');

/** As GitHub makes them of headings. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-');

function brokenLinks(page: string): string[] {
  const links = [...read(page).matchAll(/\]\((?!https?:|mailto:)([^)\s#]*)(?:#([^)\s]+))?\)/g)];
  return links
    .filter(([, path = '', anchor]) => {
      const target = path === '' ? page : join(dirname(page), path);
      if (!existsSync(target)) return true;
      if (anchor === undefined) return false;
      const headings = [...read(target).matchAll(/^#+ (.+)$/gm)].map(([, text]) => anchorOf(text!));
      return !headings.includes(anchor);
    })
    .map(([link]) => link);
}

interface SelfAlert {
  name: string;
  /** Empty where it names none. */
  runbook: string;
}

/** Those of the rule file, and those that rulers say without a rule. */
function selfAlerts(): SelfAlert[] {
  const rules = read(join(root, 'rules/gaugeway.yaml'))
    .split(/^ {2}- id: /m)
    .slice(1);
  const ofRules = rules.map((rule) => ({
    name: /^ {4}name: (.+)$/m.exec(rule)?.[1] ?? '',
    runbook: /^ {6}runbook: (\S+)$/m.exec(rule)?.[1] ?? '',
  }));
  const ruler = read(join(root, 'src/ruler/inner-sets.ts'));
  const inner = [...ruler.matchAll(/\['(\w+)', '(?:critical|warning)'\]/g)].map(
    ([, name = '']) => ({
      name,
      runbook: new RegExp(`${name}: '(.+)'`).exec(ruler)?.[1] ?? '',
    }),
  );
  return [...ofRules, ...inner];
}

describe('documents', () => {
  it.each(pages.map((page) => relative(root, page)))('%s has no dead link', (page) => {
    expect(brokenLinks(join(root, page))).toEqual([]);
  });

  it('that a door points to are there', () => {
    const doors = filesBelow('src', 'index.ts').filter((file) => !file.includes('assembly'));
    const named = doors.flatMap((door) =>
      [...read(door).matchAll(/docs\/[\w/.-]+\.md/g)].map(([path]) => path),
    );
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it('that alerts name as their runbook are there, and no others', () => {
    const present = readdirSync(join(root, 'docs/runbooks')).filter((name) => name !== 'README.md');
    const named = new Set(selfAlerts().map(({ runbook }) => runbook));
    expect([...named].sort()).toEqual(present.map((name) => `docs/runbooks/${name}`).sort());
  });

  it('every alert about the product itself has a runbook, which bears its name, and is in the list', () => {
    const list = read(join(root, 'docs/runbooks/README.md'));
    const alerts = selfAlerts();
    expect(alerts.length).toBeGreaterThan(15);
    for (const { name, runbook } of alerts) {
      expect([name, runbook]).toEqual([
        name,
        expect.stringMatching(/^docs\/runbooks\/[\w-]+\.md$/),
      ]);
      const title = /^# (.+)$/m.exec(read(join(root, runbook)))?.[1] ?? '';
      expect([runbook, title.split(', ')]).toEqual([runbook, expect.arrayContaining([name])]);
      const page = runbook.replace('docs/runbooks/', '');
      const row = list.split('\n').find((line) => line.includes(`(${page})`)) ?? '';
      expect([page, row.split('|')[1]?.trim().split(', ')]).toEqual([
        page,
        expect.arrayContaining([name]),
      ]);
    }
  });

  it('a runbook says what it means, what to look at and what to do', () => {
    for (const page of filesBelow('docs/runbooks', '.md')) {
      if (page.endsWith('README.md')) continue;
      const parts = [...read(page).matchAll(/^\*\*(Means:|Look at|Do)\*\*/gm)].map(
        ([, part]) => part,
      );
      expect([relative(root, page), parts]).toEqual([
        relative(root, page),
        ['Means:', 'Look at', 'Do'],
      ]);
    }
  });

  it('a decision says its status, context, what was rejected, what follows and what enforces it', () => {
    const decisions = filesBelow('docs/adr', '.md').filter((file) => /\/\d{4}-/.test(file));
    const incomplete = decisions.filter((file) => {
      const headings = [...read(file).matchAll(/^## (.+)$/gm)].map(([, text]) => text);
      const wanted = ['Context', 'Options rejected', 'Decision', 'Consequences', 'Enforced by'];
      return headings.join() !== wanted.join() || !/^Status: /m.test(read(file));
    });
    expect(incomplete).toEqual([]);
  });

  it('the list of decisions names all of them', () => {
    const list = read(join(root, 'docs/adr/README.md'));
    const missing = filesBelow('docs/adr', '.md').filter(
      (file) =>
        !file.endsWith('README.md') &&
        !list.includes(`(${relative(join(root, 'docs/adr'), file)})`),
    );
    expect(missing).toEqual([]);
  });

  it('ARCHITECTURE.md names every room', () => {
    const text = read(join(root, 'ARCHITECTURE.md'));
    const rooms = readdirSync(join(root, 'src'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
    expect(rooms.filter((room) => !text.includes(`\`src/${room}\``))).toEqual([]);
  });
});
