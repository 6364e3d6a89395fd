/**
 * takes: the words of a command line.
 * gives: the command, run to its end, and an exit code.
 * never: holds logic of a room; reads the environment itself.
 * see:   docs/cli.md
 */
export { type ExitCode } from './exit.ts';
export { runProgram } from './program.ts';
export { processTerminal, type Terminal } from './terminal.ts';
