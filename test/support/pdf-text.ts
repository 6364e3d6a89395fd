import { inflateSync } from 'node:zlib';

/**
 * The words of a PDF that pdfkit wrote, in the order in which they are drawn, those in its bold font not surely right: its
 * streams are inflated, and the glyphs
 * of its embedded fonts are read by their ToUnicode maps (ISO 32000-1 §9.10.3).
 */
export function pdfText(pdf: Buffer): string {
  const objects = objectsOf(pdf);
  const maps = fontMaps(objects);
  const texts: string[] = [];
  for (const { stream } of objects.values()) {
    if (!stream?.includes(' Tf')) continue;
    let map = new Map<string, string>();
    for (const [, font, array, line] of stream.matchAll(
      /\/(F\d+) [\d.]+ Tf|\[([^\]]*)\] TJ|(ET)/g,
    )) {
      if (font !== undefined) map = maps.get(font) ?? new Map<string, string>();
      else if (line !== undefined) texts.push(' ');
      else
        texts.push(
          glyphsOf(array ?? '')
            .map((glyph) => map.get(glyph) ?? '?')
            .join(''),
        );
    }
  }
  return texts.join('').replaceAll(/ +/g, ' ');
}

interface PdfObject {
  dictionary: string;
  stream: string | undefined;
}

function objectsOf(pdf: Buffer): Map<string, PdfObject> {
  const objects = new Map<string, PdfObject>();
  const text = pdf.toString('latin1');
  for (const found of text.matchAll(/(\d+) 0 obj\n([\s\S]*?)\nendobj/g)) {
    const [, id = '', body = ''] = found;
    const start = body.indexOf('stream\n');
    if (start === -1) {
      objects.set(id, { dictionary: body, stream: undefined });
      continue;
    }
    const dictionary = body.slice(0, start);
    const raw = Buffer.from(body.slice(start + 7, body.lastIndexOf('\nendstream')), 'latin1');
    const isPacked = dictionary.includes('/FlateDecode');
    objects.set(id, {
      dictionary,
      stream: (isPacked ? inflateSync(raw) : raw).toString('latin1'),
    });
  }
  return objects;
}

/** By the name that pages use: glyph to letters. */
function fontMaps(objects: ReadonlyMap<string, PdfObject>): Map<string, Map<string, string>> {
  const maps = new Map<string, Map<string, string>>();
  for (const { dictionary } of objects.values()) {
    for (const [, name = '', id = ''] of dictionary.matchAll(/\/(F\d+) (\d+) 0 R/g)) {
      const [, cmap] = /\/ToUnicode (\d+) 0 R/.exec(objects.get(id)?.dictionary ?? '') ?? [];
      const stream = objects.get(cmap ?? '')?.stream;
      if (stream !== undefined) maps.set(name, toUnicode(stream));
    }
  }
  return maps;
}

function toUnicode(cmap: string): Map<string, string> {
  const map = new Map<string, string>();
  for (const [, first = '0', list = ''] of cmap.matchAll(/<(\w+)> <\w+> \[([^\]]*)\]/g)) {
    for (const [i, [, letters = '']] of [...list.matchAll(/<(\w+)>/g)].entries()) {
      const glyph = (Number.parseInt(first, 16) + i).toString(16).padStart(4, '0');
      const units = (letters.match(/.{4}/g) ?? []).map((unit) => Number.parseInt(unit, 16));
      map.set(glyph, String.fromCharCode(...units));
    }
  }
  return map;
}

const glyphsOf = (array: string): string[] =>
  [...array.matchAll(/<(\w+)>/g)].flatMap(([, hex = '']) => hex.match(/.{4}/g) ?? []);
