/**
 * takes: rule files in Prometheus's dialect and in the product's own, and series with labels to expand templates over.
 * gives: checked rules as PromQL with their terms, texts of labels and annotations, and problems with their place.
 * never: asks storage by itself; accepts a file with a mistake in it.
 * see:   rules/README.md
 */
export { apiFile, parseApiRule, type FieldProblem, type RuleSpec } from './api-rule.ts';
export { parsePromDuration } from './duration.ts';
export { toProductFile, toProductRule, toPrometheusFile, type ProductRule } from './convert.ts';
export { listRuleFiles, loadRules, parseRules } from './load.ts';
export { formatProblem, type Problem } from './problem.ts';
export {
  prometheusTerms,
  type AlertingRule,
  type RecordingRule,
  type Rule,
  type RuleFile,
  type RuleGroup,
} from './rule.ts';
export type { ScopeMatcher } from './scope.ts';
export {
  expandTemplate,
  parseRuleTemplate,
  type ExpandContext,
  type ExpandOutcome,
  type Template,
  type TemplateData,
} from './template/expand.ts';
export {
  parseUnitTests,
  type AlertCase,
  type ExpectedAlert,
  type PromqlCase,
  type TestGroup,
  type UnitTestFile,
} from './unit-test-file.ts';
export type { SeriesValue } from './series-notation.ts';
export type { SampleRow } from './template/value.ts';
