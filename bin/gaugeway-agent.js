#!/usr/bin/env node
/** The `gaugeway-agent` command. On hosts that run it for good, the unit starts the bundle itself with the flags of its memory budget. */
import { ensureBuilt } from './setup.js';

await ensureBuilt((line) => console.error(line));
await import('../dist/gaugeway-agent.js');
