/** One condition on a host's tag, or on any other label. */
export interface ScopeMatcher {
  label: string;
  op: '=' | '!=' | '=~' | '!~';
  value: string;
}

const term = /^([A-Za-z_][A-Za-z0-9_]*)\s*(=~|!~|!=|=)\s*(.+)$/;
const valueWithOperator = /^(!=|=~|!~)\s*(.*)$/;

/** `all`, or conditions with commas between them: `role!=gpu-only, zone=us`. Undefined where it is neither. */
export function parseScope(text: string): ScopeMatcher[] | undefined {
  if (text === '' || text === 'all') return [];
  const terms = text.split(',').map((part) => term.exec(part.trim()));
  const matchers = terms.flatMap((match) => {
    const [, label, op, value] = match ?? [];
    if (label === undefined || op === undefined || value === undefined) return [];
    return [{ label, op: op as ScopeMatcher['op'], value: unquoted(value) }];
  });
  return matchers.length === terms.length ? matchers : undefined;
}

/** A tag of the schema's `tags`: the value, or an operator with it: `role: '!=gpu-only'`. */
export function tagMatcher(label: string, text: string): ScopeMatcher {
  const [, op = '=', value = text] = valueWithOperator.exec(text) ?? [];
  return { label, op: op as ScopeMatcher['op'], value };
}

function unquoted(text: string): string {
  return text.replace(/^(["'])(.*)\1$/, '$2');
}
