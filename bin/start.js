#!/usr/bin/env node
/** `npm start`: set up what is missing, then `gaugeway up` in this very process. */
import { root, runMain } from './setup.js';

// Relative paths of the configuration mean the checkout, wherever the command was given.
process.chdir(root);
await runMain(['up', ...process.argv.slice(2)]);
