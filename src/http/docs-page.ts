import { createHash } from 'node:crypto';
import type { OpenApiDocument, Operation } from './openapi.ts';

/** The document as one page, made on the server: it needs no script but the filter, and nothing from elsewhere. */
export function docsPage(document: OpenApiDocument): string {
  const version = String(document.info['version']);
  const groups = document.tags.map(({ name, description }) => {
    const rows = operationsOf(document, name).map(operation).join('');
    const about = description === undefined ? '' : `<p class="about">${code(description)}</p>`;
    return `<section id="${anchor(name)}"><h2>${html(name)}</h2>${about}${rows}</section>`;
  });
  const links = document.tags.map(({ name }) => `<a href="#${anchor(name)}">${html(name)}</a>`);
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Gaugeway API ${html(version)}</title><style>${style}</style></head><body><header><h1>Gaugeway API <small>${html(version)}</small></h1><input id="filter" type="search" placeholder="Filter: hosts, POST, silence …" aria-label="Filter"><nav>${links.join('')}<a href="/api/v1/openapi.json">openapi.json</a></nav></header><main><p class="about">${code(String(document.info['description']))}</p>${groups.join('')}</main><script>${script}</script></body></html>`;
}

const style = `:root{color-scheme:light dark;--ink:#0f172a;--faint:#64748b;--line:#e2e8f0;--back:#fff;--soft:#f8fafc}@media(prefers-color-scheme:dark){:root{--ink:#e2e8f0;--faint:#94a3b8;--line:#334155;--back:#0f172a;--soft:#1e293b}}*{box-sizing:border-box}body{margin:0;font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back)}header{position:sticky;top:0;background:var(--back);border-bottom:1px solid var(--line);padding:12px 24px;z-index:1}h1{font-size:20px;margin:0 0 8px}small{color:var(--faint);font-weight:400}nav{display:flex;flex-wrap:wrap;gap:4px 14px;margin-top:8px;font-size:13px}a{color:#2563eb;text-decoration:none}input{width:100%;max-width:420px;padding:6px 10px;border:1px solid var(--line);border-radius:6px;font:inherit;background:var(--soft);color:inherit}main{max-width:1000px;margin:0 auto;padding:8px 24px 80px}section{scroll-margin-top:130px}h2{margin:28px 0 6px}.about{color:var(--faint)}details{border:1px solid var(--line);border-radius:8px;margin:6px 0;background:var(--soft)}summary{cursor:pointer;padding:8px 12px;display:flex;gap:10px;align-items:baseline;flex-wrap:wrap}.method{font:600 12px ui-monospace,monospace;padding:2px 0;border-radius:4px;color:#fff;width:62px;text-align:center}.get{background:#2563eb}.post{background:#15803d}.put,.patch{background:#b45309}.delete{background:#b91c1c}code,pre{font:13px/1.45 ui-monospace,monospace}summary code{font-weight:600}.needs{margin-left:auto;color:var(--faint);font-size:12px}.inside{padding:0 14px 12px}table{border-collapse:collapse;width:100%;font-size:13px}td,th{text-align:left;padding:4px 8px;border-bottom:1px solid var(--line);vertical-align:top}pre{background:var(--back);border:1px solid var(--line);border-radius:6px;padding:10px;overflow:auto;max-height:360px}h3{font-size:13px;margin:12px 0 4px;color:var(--faint);text-transform:uppercase;letter-spacing:.04em}[hidden]{display:none}`;

const script = `const f=document.getElementById('filter');f.addEventListener('input',()=>{const w=f.value.toLowerCase().split(/\\s+/).filter(Boolean);for(const s of document.querySelectorAll('section')){let n=0;for(const d of s.querySelectorAll('details')){const t=d.dataset.text;const ok=w.every(x=>t.includes(x));d.hidden=!ok;n+=ok?1:0}s.hidden=n===0}});`;

const hashOf = (text: string): string =>
  `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** This very style and script, and nothing else. */
export const docsPolicy = `default-src 'none'; style-src ${hashOf(style)}; script-src ${hashOf(script)}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

interface Row {
  method: string;
  path: string;
  said: Operation;
}

function operationsOf({ paths }: OpenApiDocument, tag: string): Row[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { tags }]) => tags.includes(tag))
      .map(([method, said]) => ({ method, path, said })),
  );
}

function operation({ method, path, said }: Row): string {
  const text = `${method} ${path} ${said.summary} ${said.tags.join(' ')}`.toLowerCase();
  const parts = [parameters(said), body(said), answers(said)].join('');
  const needs = said['x-needs'] === 'public' ? 'public' : `needs ${said['x-needs']}`;
  return `<details data-text="${html(text)}"><summary><span class="method ${method}">${method.toUpperCase()}</span><code>${html(path)}</code><span>${html(said.summary)}</span><span class="needs">${needs}</span></summary><div class="inside">${parts}</div></details>`;
}

interface Parameter {
  name: string;
  in: string;
  required: boolean;
  schema: Record<string, unknown>;
  description?: string;
}

function parameters({ parameters: list }: Operation): string {
  if (list.length === 0) return '';
  const rows = list.map((one) => {
    const { name, in: place, required, schema, description } = one as unknown as Parameter;
    const told = description === undefined ? '' : code(description);
    return `<tr><td><code>${html(name)}</code></td><td>${html(place)}${required ? ', required' : ''}</td><td>${html(typeText(schema))}</td><td>${told}</td></tr>`;
  });
  return `<h3>Parameters</h3><table>${rows.join('')}</table>`;
}

function typeText(schema: Record<string, unknown>): string {
  const { type, enum: values, default: byDefault, maximum, pattern } = schema;
  const kind = Array.isArray(values) ? values.join(' | ') : typeof type === 'string' ? type : 'any';
  return [
    kind,
    ...(byDefault === undefined ? [] : [`default ${JSON.stringify(byDefault)}`]),
    ...(typeof maximum === 'number' && maximum < 1e9 ? [`at most ${maximum}`] : []),
    ...(typeof pattern === 'string' && kind === 'string' ? [pattern] : []),
  ].join(', ');
}

function body({ requestBody }: Operation): string {
  if (!requestBody) return '';
  const [[media, content] = ['', {}]] = Object.entries(requestBody['content'] as Content);
  return `<h3>Body · ${html(media)}</h3>${shapes(content)}`;
}

type Content = Record<string, { schema?: unknown; example?: unknown }>;

function answers({ responses }: Operation): string {
  const told = Object.entries(responses)
    .filter(([status]) => Number(status) < 400)
    .map(([status, answer]) => {
      const { description, content = {} } = answer as { description: string; content?: Content };
      const [[media, first] = ['', undefined]] = Object.entries(content);
      const shape = first && media === 'application/json' ? shapes(first) : html(description);
      return `<h3>${status} ${media === '' ? '' : `· ${html(media)}`}</h3>${shape}`;
    });
  const refused = Object.keys(responses).filter((status) => Number(status) >= 400);
  return `${told.join('')}<p class="about">Also ${refused.join(', ')}.</p>`;
}

function shapes({ schema, example }: Content[string]): string {
  const told = example === undefined ? '' : `<pre>${html(JSON.stringify(example, null, 2))}</pre>`;
  const text = JSON.stringify(schema, null, 2);
  return `${told}<details><summary>Schema</summary><div class="inside"><pre>${html(text)}</pre></div></details>`;
}

const entities: Readonly<Record<string, string>> = {
  ...{ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' },
};
const html = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');
const code = (text: string): string => html(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>');
const anchor = (name: string): string => name.toLowerCase().replaceAll(/\W+/g, '-');
