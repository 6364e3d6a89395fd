import { parentPort, workerData } from 'node:worker_threads';
import { renderPdfHere } from './pdf.ts';
import type { WeeklyReport } from './weekly-report.ts';

/** The thread's whole work: one report in, one PDF out. */
const pdf = await renderPdfHere(workerData as WeeklyReport);
parentPort?.postMessage(pdf);
