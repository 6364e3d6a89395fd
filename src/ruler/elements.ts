import type { AlertElement } from '../alerts/index.ts';
import {
  expandTemplate,
  type AlertingRule,
  type SampleRow,
  type Template,
} from '../rules/index.ts';

export interface TemplateSurroundings {
  externalLabels: ReadonlyMap<string, string>;
  externalUrl: string;
  /** Answers a template's own `query`. */
  query: (expression: string) => Promise<readonly SampleRow[] | Error>;
}

/**
 * A rule's rows as alerts, as Prometheus makes them (rules/alerting.go Eval): templates see the row's labels with
 * `__name__` and without the rule's own; an empty text removes the label.
 */
export async function toElements(
  rule: AlertingRule,
  rows: readonly SampleRow[],
  atMs: number,
  surroundings: TemplateSurroundings,
): Promise<AlertElement[]> {
  const expansion = new Expansion(rule, atMs, surroundings);
  const elements: AlertElement[] = [];
  for (const row of rows) elements.push(await expansion.element(row));
  return elements;
}

class Expansion {
  private readonly rule: AlertingRule;
  private readonly atMs: number;
  private readonly surroundings: TemplateSurroundings;
  private readonly answers = new Map<string, readonly SampleRow[] | Error>();

  constructor(rule: AlertingRule, atMs: number, surroundings: TemplateSurroundings) {
    this.rule = rule;
    this.atMs = atMs;
    this.surroundings = surroundings;
  }

  async element(row: SampleRow): Promise<AlertElement> {
    const labels = new Map(row.labels);
    labels.delete('__name__');
    for (const [name, template] of this.rule.labels) {
      const text = template.parsed ? await this.text(template, row) : template.text;
      if (text === '') labels.delete(name);
      else labels.set(name, text);
    }
    labels.set('alertname', this.rule.name);
    const annotations = new Map<string, string>();
    for (const [name, template] of this.rule.annotations) {
      annotations.set(name, template.parsed ? await this.text(template, row) : template.text);
    }
    return { labels, annotations, value: row.value };
  }

  private async text(template: Template, { labels, value }: SampleRow): Promise<string> {
    const { externalLabels, externalUrl, query } = this.surroundings;
    const context = {
      alertName: this.rule.name,
      data: { labels, externalLabels, externalUrl, value },
      atMs: this.atMs,
      answers: this.answers,
    };
    for (;;) {
      const outcome = expandTemplate(template, context);
      if (outcome.kind !== 'needs-query') return outcome.text;
      this.answers.set(outcome.query, await query(outcome.query));
    }
  }
}
