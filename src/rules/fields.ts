import type { ParsedYaml, YamlPath, YamlPosition } from '../platform/index.ts';
import { parsePromDuration } from './duration.ts';
import { underline, type Problem } from './problem.ts';
import { parseRuleTemplate, type Template } from './template/expand.ts';

/** One file on its way from text to rules: what is there, and what is wrong with it. */
export class FileReader {
  readonly file: string;
  readonly problems: Problem[] = [];
  private readonly text: string;
  private readonly yaml: ParsedYaml;

  constructor(file: string, text: string, yaml: ParsedYaml) {
    this.file = file;
    this.text = text;
    this.yaml = yaml;
  }

  get value(): unknown {
    return this.yaml.value;
  }

  /** A problem with the key at a path, or with what is next above it. */
  report(path: YamlPath, message: string): void {
    let position: YamlPosition | undefined;
    for (let length = path.length; length >= 0 && position === undefined; length--) {
      position = this.yaml.positionOf(path.slice(0, length));
    }
    const last = String(path.at(-1) ?? '');
    this.add(
      position ?? { line: 1, column: 1 },
      message,
      typeof path.at(-1) === 'string' ? last.length : 1,
      { path },
    );
  }

  /** A problem with the character at `offset` of the text at a path. */
  reportAt(path: YamlPath, offset: number, message: string): void {
    const position = this.yaml.positionInScalar(path, offset);
    if (position === undefined) this.report(path, message);
    else this.add(position, message, 1, { path, offset });
  }

  private add(
    position: YamlPosition,
    message: string,
    length: number,
    spot: Pick<Problem, 'path' | 'offset'>,
  ): void {
    const excerpt = underline(this.text, position, length);
    this.problems.push({ file: this.file, position, message, excerpt, ...spot });
  }
}

/** A mapping of a file. Every key that is not asked for is a problem in the end. */
export class Fields {
  readonly path: YamlPath;
  private readonly reader: FileReader;
  private readonly entries: Readonly<Record<string, unknown>>;
  private readonly asked = new Set<string>();
  /** Put before each message: `group "g", rule 1, "Name": `. */
  private readonly place: string;

  constructor(reader: FileReader, path: YamlPath, value: unknown, place = '') {
    this.reader = reader;
    this.path = path;
    this.place = place;
    const isMapping = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (!isMapping && value !== '' && value !== undefined)
      this.wrong(undefined, 'expected a mapping of keys to values');
    this.entries = isMapping ? (value as Record<string, unknown>) : {};
  }

  /** The same mapping, with a place for messages. */
  named(place: string): Fields {
    return new Fields(this.reader, this.path, this.entries, place);
  }

  has(key: string): boolean {
    this.asked.add(key);
    return Object.hasOwn(this.entries, key);
  }

  raw(key: string): unknown {
    return this.has(key) ? this.entries[key] : undefined;
  }

  wrong(key: string | undefined, message: string): void {
    this.reader.report(key === undefined ? this.path : [...this.path, key], this.place + message);
  }

  wrongAt(key: string, offset: number, message: string): void {
    this.reader.reportAt([...this.path, key], offset, this.place + message);
  }

  /** Empty where the key is absent. */
  text(key: string): string {
    const value = this.raw(key);
    if (value === undefined || typeof value === 'string') return value ?? '';
    this.wrong(key, `${key}: expected a text`);
    return '';
  }

  duration(key: string): number | undefined {
    const text = this.text(key);
    if (text === '') return undefined;
    const ms = parsePromDuration(text);
    if (ms === undefined) this.wrong(key, `not a valid duration string: "${text}"`);
    return ms;
  }

  count(key: string, fallback: number): number {
    const text = this.text(key);
    if (text === '') return fallback;
    if (/^\d{1,9}$/.test(text)) return Number(text);
    this.wrong(key, `${key}: expected a whole number, not "${text}"`);
    return fallback;
  }

  flag(key: string, fallback: boolean): boolean {
    const text = this.text(key);
    if (text !== '' && text !== 'true' && text !== 'false')
      this.wrong(key, `${key}: expected true or false`);
    return text === '' ? fallback : text === 'true';
  }

  list(key: string): { path: YamlPath; value: unknown }[] {
    const value = this.raw(key);
    if (value === undefined || value === '') return [];
    if (!Array.isArray(value)) {
      this.wrong(key, `${key}: expected a list`);
      return [];
    }
    return value.map((item: unknown, index) => ({
      path: [...this.path, key, index],
      value: item,
    }));
  }

  /** An item of a list, as a mapping. */
  item(path: YamlPath, value: unknown): Fields {
    return new Fields(this.reader, path, value, this.place);
  }

  below(key: string): Fields {
    return new Fields(this.reader, [...this.path, key], this.raw(key), this.place);
  }

  /** All entries as texts: labels and annotations. */
  texts(key: string): Map<string, string> {
    const fields = this.below(key);
    return new Map(Object.keys(fields.entries).map((name) => [name, fields.text(name)]));
  }

  /** All entries as templates, those that do not parse reported at their spot. */
  templates(key: string, what: string): Map<string, Template> {
    const fields = this.below(key);
    const found = new Map<string, Template>();
    for (const [name, text] of this.texts(key)) {
      const outcome = parseRuleTemplate(text);
      if (outcome.ok) found.set(name, outcome.template);
      else
        fields.wrongAt(
          name,
          outcome.problem.at,
          `${what} "${name}": template: ${outcome.problem.message}`,
        );
    }
    return found;
  }

  /** Reports the keys that nobody asked for, but for those that another program's files may have. */
  done(ignored: readonly string[] = []): void {
    for (const key of Object.keys(this.entries)) {
      if (this.asked.has(key) || ignored.includes(key)) continue;
      this.wrong(key, `unknown field "${key}"${suggestion(key, this.asked)}`);
    }
  }
}

function suggestion(key: string, known: ReadonlySet<string>): string {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[_-]/g, '');
  const near = [...known].find(
    (name) => plain(name) === plain(key) || plain(name) === `${plain(key)}s`,
  );
  return near === undefined ? '' : `; did you mean "${near}"?`;
}
