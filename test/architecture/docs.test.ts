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

  it('that rules name as their runbook are there, and no others', () => {
    const named = filesBelow('rules', '.yaml')
      .filter((file) => !file.endsWith('.test.yaml'))
      .flatMap((file) => [...read(file).matchAll(/^ *runbook: (\S+)$/gm)].map(([, path]) => path!));
    const present = readdirSync(join(root, 'docs/runbooks')).filter((name) => name !== 'README.md');
    expect([...new Set(named)].sort()).toEqual(
      present.map((name) => `docs/runbooks/${name}`).sort(),
    );
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
