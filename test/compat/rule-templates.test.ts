import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expandTemplate, parseRuleTemplate } from '../../src/rules/template/expand.ts';
import {
  brokenTemplates,
  failingTemplates,
  templateValues,
  textTemplates,
  valueTemplates,
} from '../fixtures/rule-templates.ts';

const run = promisify(execFile);
const atMs = 60_000;
const externalUrl = 'http://prometheus.example/pre';
const externalLabels = { cluster: 'eu1' };
const up = [
  {
    labels: new Map([
      ['__name__', 'up'],
      ['instance', 'b:1'],
      ['job', 'web'],
    ]),
    value: 1,
  },
  {
    labels: new Map([
      ['__name__', 'up'],
      ['instance', 'a:1'],
      ['job', 'db'],
    ]),
    value: 0,
  },
];

interface Case {
  template: string;
  value: string;
}

const cases: Case[] = [
  ...valueTemplates.flatMap((template) => templateValues.map((value) => ({ template, value }))),
  ...[...textTemplates, ...failingTemplates].map((template) => ({ template, value: '2.5' })),
];

function numberOf(value: string): number {
  return value.endsWith('Inf') ? Number(value.replace('Inf', 'Infinity')) : Number(value);
}

function ours({ template, value }: Case, index: number): string {
  const parsed = parseRuleTemplate(template);
  if (!parsed.ok) throw new Error(`${template}: ${parsed.problem.message}`);
  const labels = new Map([
    ['__name__', 'v'],
    ['case', String(index)],
    ['instance', 'web-1.example.com:9100'],
    ['job', 'web'],
  ]);
  const outcome = expandTemplate(parsed.template, {
    alertName: `T${index}`,
    data: {
      labels,
      externalLabels: new Map(Object.entries(externalLabels)),
      externalUrl,
      value: numberOf(value),
    },
    atMs,
    answers: new Map<string, typeof up>([
      ['up', up],
      ['one', up.slice(0, 1)],
      ['absent_metric', []],
    ]),
  });
  if (outcome.kind === 'needs-query') throw new Error(`${template} asks for ${outcome.query}`);
  return outcome.text;
}

/** What promtool makes of the rules; our expansions are what it is told to expect. */
async function complaints(folder: string): Promise<Map<string, string>> {
  const rules = cases.map(({ template }, index) => ({
    alert: `T${index}`,
    expr: `v{case="${index}"}`,
    annotations: { text: template },
  }));
  const series = cases.map(({ value }, index) => ({
    series: `v{case="${index}",instance="web-1.example.com:9100",job="web"}`,
    values: `${value} ${value}`,
  }));
  const test = {
    rule_files: ['rules.yaml'],
    tests: [
      {
        external_labels: externalLabels,
        external_url: externalUrl,
        input_series: [
          { series: 'up{instance="b:1",job="web"}', values: '1 1' },
          { series: 'up{instance="a:1",job="db"}', values: '0 0' },
          { series: 'one{instance="b:1",job="web"}', values: '1 1' },
          ...series,
        ],
        alert_rule_test: cases.map((one, index) => ({
          alertname: `T${index}`,
          eval_time: '1m',
          exp_alerts: [
            {
              exp_labels: {
                case: String(index),
                instance: 'web-1.example.com:9100',
                job: 'web',
              },
              exp_annotations: { text: ours(one, index) },
            },
          ],
        })),
      },
    ],
  };
  writeFileSync(join(folder, 'rules.yaml'), JSON.stringify({ groups: [{ name: 'g', rules }] }));
  writeFileSync(join(folder, 'test.yaml'), JSON.stringify(test));
  const output = await run('promtool-3', ['test', 'rules', join(folder, 'test.yaml')]).then(
    ({ stdout, stderr }) => stdout + stderr,
    (error: unknown) => {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      return stdout + stderr;
    },
  );
  if (!/SUCCESS|alertname: T\d+/.test(output)) throw new Error(output);
  const parts = output.split(/\n(?=\s+alertname: )/).slice(1);
  return new Map(parts.map((part) => [/alertname: (T\d+)/.exec(part)?.[1] ?? part, part]));
}

describe('a template of an alert', () => {
  let folder: string;
  let refused: Map<string, string>;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'gaugeway-templates-'));
    refused = await complaints(folder);
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(cases.map((one, index) => ({ ...one, index })))(
    '$template of $value is what Prometheus makes of it',
    ({ index }) => {
      expect(refused.get(`T${index}`)).toBeUndefined();
    },
  );

  it.each(brokenTemplates)('%s is refused at load, by Prometheus as well', async (template) => {
    expect(parseRuleTemplate(template).ok).toBe(false);
    const file = join(folder, 'broken.yaml');
    const rules = [{ alert: 'Broken', expr: 'up', annotations: { text: template } }];
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'g', rules }] }));
    await expect(run('promtool-3', ['check', 'rules', file])).rejects.toThrow(/annotation "text"/);
  });
});
