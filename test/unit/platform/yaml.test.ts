import { describe, expect, it } from 'vitest';
import { GaugewayError, parseYaml } from '../../../src/platform/index.ts';

const sample = `# head
version: 1
rules:
  - name: cpu
    expr: a > 1
  - name: "mem"
    labels: { role: db, zone: 'x' }
last: true
`;

function failure(text: string): GaugewayError {
  try {
    parseYaml(text, 'rules/a.yaml');
  } catch (error) {
    if (error instanceof GaugewayError) return error;
    throw error;
  }
  throw new Error('the text was accepted');
}

describe('parseYaml', () => {
  it('gives the value of the document', () => {
    expect(parseYaml(sample, 'a.yaml').value).toEqual({
      version: 1,
      rules: [
        { name: 'cpu', expr: 'a > 1' },
        { name: 'mem', labels: { role: 'db', zone: 'x' } },
      ],
      last: true,
    });
  });

  it('says where each key and each item stands, counted from one', () => {
    const { positionOf } = parseYaml(sample, 'a.yaml');
    expect(positionOf(['version'])).toEqual({ line: 2, column: 1 });
    expect(positionOf(['rules', 0, 'expr'])).toEqual({ line: 5, column: 5 });
    expect(positionOf(['rules', 1])).toEqual({ line: 6, column: 5 });
    expect(positionOf(['rules', 1, 'labels', 'zone'])).toEqual({ line: 7, column: 25 });
    expect(positionOf(['last'])).toEqual({ line: 8, column: 1 });
    expect(positionOf(['absent'])).toBeUndefined();
  });

  it('an empty file has no value and is no error', () => {
    expect(parseYaml('', 'a.yaml').value).toBeUndefined();
    expect(parseYaml('# only a comment\n', 'a.yaml').value).toBeFalsy();
  });

  it('a syntax error names file, line and column and shows the spot', () => {
    const error = failure('a: 1\nb: [1, 2\nc: 3\n');
    expect(error.code).toBe('BAD_REQUEST');
    expect(error.message).toMatch(/^rules\/a\.yaml:3:\d+: /);
    expect(error.message).toContain('^');
    expect(error.details['line']).toBe(3);
  });

  it('a key given twice is refused', () => {
    expect(failure('a: 1\na: 2\n').message).toMatch(/^rules\/a\.yaml:2:1: duplicated mapping key/);
  });

  it('a second document is refused', () => {
    expect(failure('a: 1\n---\nb: 2\n').message).toContain('expected one document');
  });

  it('aliases are refused unless a number of them is allowed', () => {
    const text = 'a: &x [1, 2]\nb: *x\n';
    expect(failure(text).message).toMatch(/^rules\/a\.yaml:2:/);
    expect(parseYaml(text, 'a.yaml', { maxAliases: 1 }).value).toEqual({ a: [1, 2], b: [1, 2] });
  });

  it('words that YAML 1.1 turned into booleans and dates stay strings', () => {
    expect(parseYaml('a: yes\nb: 2024-01-02\nc: 012\n', 'a.yaml').value).toEqual({
      a: 'yes',
      b: '2024-01-02',
      c: 12,
    });
  });
});
