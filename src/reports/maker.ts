import { createWriteStream } from 'node:fs';
import { copyFile, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { BlobStore } from './blob-store.ts';
import { csvText } from './csv.ts';
import type { ReportRun, RunFile } from './run.ts';
import { weeklyColumns, weeklyRows } from './weekly-csv.ts';
import type { WeeklyReport } from './weekly-report.ts';

/** Renders a report; in another thread, so that requests are answered meanwhile. */
export type RenderPdf = (report: WeeklyReport) => Promise<Uint8Array>;

interface Deps {
  blobs: BlobStore;
  renderPdf: RenderPdf;
  workDir: string;
}

export interface MadeFiles {
  files: RunFile[];
  /** Copies for the mail. */
  pathOf(file: RunFile): string;
  cleanUp(): Promise<void>;
}

/** The files of one run, in the store and, until `cleanUp`, beside it. */
export async function makeFiles(
  { blobs, renderPdf, workDir }: Deps,
  run: ReportRun,
  report: WeeklyReport,
): Promise<MadeFiles> {
  const dir = join(workDir, `run-${run.id}`);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const cleanUp = () => rm(dir, { recursive: true, force: true });
  const title = fileTitle(report);
  const files: RunFile[] = [];
  const keep = async (extension: 'pdf' | 'csv', media: string, path: string): Promise<void> => {
    const file = {
      ...{
        name: `report-${run.tenantId}.${run.id}.${extension}`,
        fileName: `${title}.${extension}`,
        media,
      },
      bytes: (await stat(path)).size,
    };
    // The store takes the file over; the mail needs one too.
    await copyFile(path, join(dir, file.name));
    await blobs.put(file.name, path, media);
    files.push(file);
  };
  try {
    const { format } = run.wanted;
    if (format !== 'csv') {
      const path = join(dir, 'making.pdf');
      await writeFile(path, await renderPdf(report), { mode: 0o600 });
      await keep('pdf', 'application/pdf', path);
    }
    if (format !== 'pdf') {
      const path = join(dir, 'making.csv');
      const text = csvText(weeklyColumns, weeklyRows(report));
      await pipeline(text, createWriteStream(path, { mode: 0o600 }));
      await keep('csv', 'text/csv; charset=utf-8', path);
    }
  } catch (error) {
    await cleanUp();
    throw error;
  }
  return { files, pathOf: ({ name }) => join(dir, name), cleanUp };
}

function fileTitle({ name, endMs }: WeeklyReport): string {
  const day = new Date(endMs - 1).toISOString().slice(0, 10);
  const plain = name.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replaceAll(/^-+|-+$/g, '');
  return `${plain === '' ? 'weekly' : plain.slice(0, 80)}-${day}`;
}
