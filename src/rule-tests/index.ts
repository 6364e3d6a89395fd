/**
 * takes: unit-test files of promtool, as they are, and a storage to itself.
 * gives: whether this server's rules come to what the tests expect, in promtool's words.
 * never: starts a storage, prints.
 * see:   rules/README.md
 */
export type { TestStorage } from './ports.ts';
export { runTestFile, type FileResult, type GroupResult } from './run.ts';
