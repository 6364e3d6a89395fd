#!/usr/bin/env node
/** The `gaugeway` command. In a checkout it builds first when the sources have changed. */
import { runMain } from './setup.js';

await runMain(process.argv.slice(2), (line) => console.error(line));
