import { Worker } from 'node:worker_threads';
import type { RenderPdf } from './maker.ts';

const timeoutMs = 120_000;
/** A report of 500 hosts needs a fifth of it. */
const maxHeapMib = 256;

/** Renders each report in a thread of its own, which ends with it: its memory goes back, and requests are answered meanwhile. */
export function createPdfRenderer(script: string): RenderPdf {
  return (report) =>
    new Promise((resolve, reject) => {
      const thread = new Worker(script, {
        workerData: report,
        resourceLimits: { maxOldGenerationSizeMb: maxHeapMib },
      });
      const late = setTimeout(() => {
        reject(new Error('the PDF took too long'));
        void thread.terminate();
      }, timeoutMs);
      thread.once('message', (pdf: Uint8Array) => resolve(pdf));
      thread.once('error', reject);
      thread.once('exit', (code) => {
        clearTimeout(late);
        // Without effect where the PDF has come.
        reject(new Error(`the thread that renders PDFs ended (${code})`));
      });
    });
}
