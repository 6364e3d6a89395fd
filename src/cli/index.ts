/**
 * takes: the words of a command line.
 * gives: the command, run to its end, and an exit code.
 * never: holds logic of a room; reads the environment itself.
 * see:   docs/reference/configuration.md
 */
export { runProgram, type ExitCode, type Terminal } from './program.ts';
