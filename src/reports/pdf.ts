import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { pdfDocument } from './pdf-document.ts';
import type { WeeklyReport } from './weekly-report.ts';

interface PdfMake {
  setFonts(fonts: object): void;
  setUrlAccessPolicy(allows: (url: string) => boolean): void;
  setLocalAccessPolicy(allows: (path: string) => boolean): void;
  createPdf(document: object): { getBuffer(): Promise<Uint8Array> };
}

/** Renders in this thread; `pdf-renderer.ts` does it in another. Reads nothing but pdfmake's own fonts. */
export async function renderPdfHere(report: WeeklyReport): Promise<Uint8Array> {
  const require = createRequire(import.meta.url);
  const fontsDir = join(dirname(require.resolve('pdfmake/package.json')), 'fonts');
  const pdfmake = require('pdfmake') as PdfMake;
  const font = (name: string): string => join(fontsDir, 'Roboto', `Roboto-${name}.ttf`);
  pdfmake.setFonts({
    Roboto: {
      ...{ normal: font('Regular'), bold: font('Medium') },
      ...{ italics: font('Italic'), bolditalics: font('MediumItalic') },
    },
  });
  pdfmake.setUrlAccessPolicy(() => false);
  pdfmake.setLocalAccessPolicy((path) => path.startsWith(fontsDir + sep));
  return pdfmake.createPdf(pdfDocument(report)).getBuffer();
}
