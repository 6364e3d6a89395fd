/** The `gaugeway` command in its image, where everything is built: bin/gaugeway.js without the set-up of a checkout. */
import { argv, exit } from 'node:process';
import { main } from '../dist/gaugeway.js';

process.exitCode = await main(argv.slice(2));
// Idle connections of a library must not hold an ended command.
setTimeout(() => exit(), 1_000).unref();
