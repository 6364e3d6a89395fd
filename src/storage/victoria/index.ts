/**
 * takes: the ports of `forward`, `query` and `retention`, as types, and where a VictoriaMetrics answers.
 * gives: samples to it and answers from it, with deadlines and bounds.
 * never: passes on a path or an argument of a client, decides which tenant a question is for.
 * see:   docs/adr/0003-victoriametrics-as-store.md
 */
export { createVictoriaClient, type VictoriaClient, type VictoriaTarget } from './client.ts';
export type { AccountOf, VictoriaCluster } from './request.ts';
export { createSeriesEraser } from './eraser.ts';
export { readFlag } from './flag.ts';
export { createRawSource } from './raw-source.ts';
export { createSpreadReader } from './spread-reader.ts';
export { createSpreadSource } from './spread-source.ts';
export { createTenantSeries } from './tenant-series.ts';
export { createVictoriaReader } from './reader.ts';
export { createSnapshots, type Snapshots } from './snapshots.ts';
export { createSeriesWriter } from './writer.ts';
