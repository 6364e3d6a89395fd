import { resolveApiName } from '../catalog/index.ts';
import type { ScopeMatcher } from './scope.ts';

/** What the text means as PromQL, or where it goes wrong (`at`: offset, UTF-16 units). */
export type CompileOutcome =
  { ok: true; promql: string } | { ok: false; at: number; message: string };

/** Names the PRP uses that are no metric but follow from some. */
const derived: Readonly<Record<string, string>> = {
  'gpu.memory_used_pct': '100 * gpu.memory_used_mb / gpu.memory_total_mb',
};

const heartbeatMetric = 'agent_heartbeat_timestamp_seconds';
/** Beyond this a host counts as removed, and its alert ends with its series. */
const heartbeatLookback = '1h';

const silence = /^\s*no\s+heartbeat\s+for\s+(\d+)(s|m)\s*$/i;

/**
 * The PRP's expressions: comparisons of dotted metric names, joined by AND and OR, with arithmetic and parentheses;
 * also `no heartbeat for 2m`. The scope becomes matchers of every metric.
 */
export function compileExpression(text: string, scope: readonly ScopeMatcher[]): CompileOutcome {
  const [, count, unit] = silence.exec(text) ?? [];
  if (count !== undefined) {
    const seconds = Number(count) * (unit?.toLowerCase() === 'm' ? 60 : 1);
    const series = `${heartbeatMetric}${printMatchers(scope)}[${heartbeatLookback}]`;
    return {
      ok: true,
      promql: `time() - max_over_time(${series}) > ${seconds}`,
    };
  }
  try {
    return { ok: true, promql: new Compiler(text, scope).whole() };
  } catch (error) {
    if (error instanceof ExpressionError)
      return { ok: false, at: error.at, message: error.message };
    throw error;
  }
}

class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
  readonly at: number;
  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

interface Token {
  kind: 'name' | 'number' | 'word' | 'symbol' | 'matcher' | 'end' | 'bad';
  text: string;
  start: number;
}

const lexeme =
  /\s*(?:(?<matcher>\{[^}]*\})|(?<word>(?:and|or)\b)|(?<name>[a-z_][\w]*(?:\.\w+)*)|(?<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?)|(?<symbol>>=|<=|==|!=|[-<>()+*/])|(?<bad>\S))/giy;

function tokenize(text: string): Token[] {
  const tokens = Array.from(text.matchAll(lexeme), (match): Token => {
    const groups = Object.entries((match.groups ?? {}) as Record<string, string | undefined>);
    const [kind, found = ''] = groups.find(([, value]) => value !== undefined) ?? ['bad'];
    const start = match.index + match[0].length - found.length;
    return { kind: kind as Token['kind'], text: found, start };
  });
  tokens.push({ kind: 'end', text: '', start: text.trimEnd().length });
  return tokens;
}

const comparisons = new Set(['>', '<', '>=', '<=', '==', '!=']);
const maxDepth = 50;

/** What a part is: a condition has rows only where it holds. */
interface Part {
  promql: string;
  isCondition: boolean;
  hasMetric: boolean;
}

class Compiler {
  private readonly tokens: readonly Token[];
  private readonly scope: readonly ScopeMatcher[];
  private position = 0;
  private depth = 0;

  constructor(text: string, scope: readonly ScopeMatcher[]) {
    this.tokens = tokenize(text);
    this.scope = scope;
  }

  whole(): string {
    const part = this.either();
    const rest = this.peek();
    if (rest.kind !== 'end') this.fail(`unexpected "${rest.text}"`);
    if (!part.isCondition) this.fail('expected a comparison, such as cpu.utilization > 90', 0);
    return part.promql;
  }

  private fail(message: string, at = this.peek().start): never {
    throw new ExpressionError(at, message);
  }

  private peek(): Token {
    return this.tokens[this.position]!;
  }

  private accept(...texts: readonly string[]): Token | undefined {
    const token = this.peek();
    if (!texts.includes(token.text.toLowerCase())) return undefined;
    this.position++;
    return token;
  }

  private joined(word: 'or' | 'and', side: () => Part, operator: string): Part {
    const start = this.peek().start;
    let left = side();
    while (this.accept(word)) {
      const at = this.peek().start;
      const right = side();
      if (!left.isCondition) this.fail(`${word.toUpperCase()} joins comparisons`, start);
      if (!right.isCondition) this.fail(`${word.toUpperCase()} joins comparisons`, at);
      left = {
        promql: `${left.promql} ${operator} ${right.promql}`,
        isCondition: true,
        hasMetric: true,
      };
    }
    return left;
  }

  private either(): Part {
    return this.joined('or', () => this.both(), 'or');
  }

  /** Metrics of one host differ in their other labels (a disk has a mount, the processor has none). */
  private both(): Part {
    return this.joined('and', () => this.comparison(), 'and on (host_id)');
  }

  private comparison(): Part {
    const left = this.sum();
    const operator = this.peek();
    if (!comparisons.has(operator.text)) return left;
    this.position++;
    const right = this.sum();
    if (left.isCondition || right.isCondition)
      this.fail('a comparison cannot be compared', operator.start);
    if (!left.hasMetric && !right.hasMetric)
      this.fail('a comparison needs a metric', operator.start);
    return {
      promql: `${left.promql} ${operator.text} ${right.promql}`,
      isCondition: true,
      hasMetric: true,
    };
  }

  private sum(): Part {
    return this.arithmetic(() => this.product(), ['+', '-']);
  }

  private product(): Part {
    return this.arithmetic(() => this.operand(), ['*', '/']);
  }

  private arithmetic(side: () => Part, operators: readonly string[]): Part {
    let left = side();
    for (;;) {
      const operator = this.accept(...operators);
      if (!operator) return left;
      const right = side();
      if (left.isCondition || right.isCondition) {
        this.fail('a comparison is no number', operator.start);
      }
      const hasMetric = left.hasMetric || right.hasMetric;
      left = {
        promql: `${left.promql} ${operator.text} ${right.promql}`,
        isCondition: false,
        hasMetric,
      };
    }
  }

  private operand(): Part {
    const token = this.peek();
    this.position++;
    if (token.text === '(') return this.parenthesis(token);
    if (token.text === '-' || token.kind === 'number') {
      const digits = token.text === '-' ? this.tokens[this.position++] : token;
      if (digits?.kind !== 'number') this.fail('expected a number', token.start);
      const sign = token.text === '-' ? '-' : '';
      return {
        promql: sign + digits.text,
        isCondition: false,
        hasMetric: false,
      };
    }
    if (token.kind !== 'name') {
      const found = token.kind === 'end' ? 'the end' : `"${token.text}"`;
      this.fail(`expected a metric or a number, found ${found}`, token.start);
    }
    return { promql: this.metric(token), isCondition: false, hasMetric: true };
  }

  private parenthesis(open: Token): Part {
    if (++this.depth > maxDepth) this.fail('nested too deeply', open.start);
    const part = this.either();
    if (!this.accept(')')) this.fail('unclosed parenthesis', open.start);
    this.depth--;
    return { ...part, promql: `(${part.promql})` };
  }

  private metric({ text, start }: Token): string {
    const own =
      this.peek().kind === 'matcher' ? this.tokens[this.position++]!.text.slice(1, -1) : '';
    const formula = Object.hasOwn(derived, text) ? derived[text] : undefined;
    if (formula !== undefined) {
      const names = formula.replaceAll(/[a-z]+\.\w+/g, (name) => this.selector(name, own, start));
      return `(${names})`;
    }
    return this.selector(text, own, start);
  }

  private selector(apiName: string, own: string, at: number): string {
    const match = resolveApiName(apiName);
    if (!match) this.fail(`unknown metric "${apiName}"`, at);
    const implied = Object.entries(match.labels).map(([label, value]) => ({
      label,
      op: '=' as const,
      value,
    }));
    const labels: readonly string[] = match.metric.labels;
    // `gpu=true` means hosts with a GPU; a GPU's own metrics have its number in that label, and no other host has them.
    const scope = this.scope.filter(
      ({ label, op, value }) =>
        !(label === 'gpu' && op === '=' && value === 'true' && labels.includes('gpu')),
    );
    return match.metric.name + printMatchers([...implied, ...scope], own);
  }
}

function printMatchers(matchers: readonly ScopeMatcher[], own = ''): string {
  const texts = matchers.map(({ label, op, value }) => `${label}${op}${JSON.stringify(value)}`);
  if (own.trim() !== '') texts.unshift(own.trim());
  return texts.length === 0 ? '' : `{${texts.join(',')}}`;
}
