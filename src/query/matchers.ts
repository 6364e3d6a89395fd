import { GaugewayError } from '../platform/index.ts';
import { parsed, type Arguments } from './params.ts';
import type { VectorSelector } from './promql/ast.ts';
import { parseSelector } from './promql/parser.ts';
import { printMatchers } from './promql/storage-text.ts';
import { refuseReservedLabel } from './tenancy.ts';

/** Every `match[]` of a request, parsed and free of the reserved label. Throws 400. */
export function matchSelectors(args: Arguments, maxSelectors: number): VectorSelector[] {
  const texts = args.getAll('match[]');
  if (texts.length > maxSelectors) {
    throw new GaugewayError('BAD_REQUEST', `more than ${maxSelectors} match[] parameters`);
  }
  return texts.map((text) => {
    const selector = parsed('match[]', text, parseSelector);
    refuseReservedLabel(selector);
    return selector;
  });
}

export function storageMatch(selector: VectorSelector): readonly ['match[]', string] {
  return ['match[]', printMatchers(selector.name, selector.matchers)];
}
