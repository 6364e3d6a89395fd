import {
  constructFromEvents,
  CORE_SCHEMA,
  EVENT_ID,
  FAILSAFE_SCHEMA,
  getScalarValue,
  mergeTag,
  parseEvents,
  YAMLException,
  type Event,
} from 'js-yaml';
import { GaugewayError } from './errors.ts';

/** One-based, as editors count. */
export interface YamlPosition {
  line: number;
  column: number;
}

export type YamlPath = readonly (string | number)[];

export interface ParsedYaml {
  /** `undefined` for an empty file. Untyped on purpose: a schema judges it. */
  value: unknown;
  /** Where the key (of a mapping) or the item (of a sequence) at this path stands in the file. */
  positionOf: (path: YamlPath) => YamlPosition | undefined;
  /**
   * Where the character at `offset` (UTF-16 units) of the scalar at this path stands in the file, whatever the style:
   * block, folded and quoted text included.
   */
  positionInScalar: (path: YamlPath, offset: number) => YamlPosition | undefined;
}

export interface YamlOptions {
  /** How many `*alias` nodes may occur; 0, the default, refuses all: they are a memory bomb. */
  maxAliases?: number;
  /**
   * `typed` (the default): numbers, booleans and null by the core schema. `text`: every scalar as it is written, and
   * merge keys work, which is how Go programs read YAML into strings.
   */
  scalars?: 'typed' | 'text';
}

interface Places {
  /** Offset of the key, or of the item of a sequence. */
  keys: Map<string, number>;
  /** Raw extent of each scalar that is a value. */
  scalars: Map<string, { start: number; end: number }>;
}

/**
 * Reads one YAML 1.2 document (core schema: `yes` and dates stay strings).
 * Duplicate keys, bad syntax and a second document throw BAD_REQUEST whose message begins
 * `FILE:LINE:COLUMN:` and shows the spot.
 */
export function parseYaml(text: string, file: string, options: YamlOptions = {}): ParsedYaml {
  const documents = parseYamlDocuments(text, file, options);
  if (documents.length > 1) throw badYaml(file, 'expected one document, found more', undefined);
  return documents[0] ?? parsedDocument(text, undefined, undefined);
}

/** The same for a stream of documents; none for an empty file. */
export function parseYamlDocuments(
  text: string,
  file: string,
  options: YamlOptions = {},
): ParsedYaml[] {
  try {
    const events = parseEvents(text, { filename: file });
    const values = constructFromEvents(events, {
      source: text,
      filename: file,
      maxAliases: options.maxAliases ?? 0,
      schema: options.scalars === 'text' ? FAILSAFE_SCHEMA.withTags(mergeTag) : CORE_SCHEMA,
    });
    const places = placesByDocument(events, text);
    return values.map((value, index) => parsedDocument(text, value, places[index]));
  } catch (error) {
    if (error instanceof YAMLException) throw badYaml(file, error.reason, error);
    throw error;
  }
}

function parsedDocument(text: string, value: unknown, places: Places | undefined): ParsedYaml {
  return {
    value,
    positionOf: (path) => {
      const offset = places?.keys.get(pathKey(path));
      return offset === undefined ? undefined : positionAt(text, offset);
    },
    positionInScalar: (path, offset) => {
      const span = places?.scalars.get(pathKey(path));
      if (span === undefined) return undefined;
      const written = scalarText(value, path);
      return positionAt(
        text,
        sourceOffset(text.slice(0, span.end), span.start, written.slice(0, offset + 1)),
      );
    },
  };
}

function scalarText(value: unknown, path: YamlPath): string {
  let node = value;
  for (const part of path) node = (node as Record<string, unknown>)[part];
  return String(node);
}

/**
 * Folding, indentation and escapes only add or change white space and add backslashes and doubled quotes, so the
 * written characters stand in the source in the order of the value.
 */
function sourceOffset(source: string, start: number, upTo: string): number {
  let at = start;
  let found = start;
  for (const character of upTo) {
    if (/\s/.test(character)) continue;
    const next = source.indexOf(character, at);
    if (next < 0) break;
    found = next;
    at = next + character.length;
  }
  return found;
}

function badYaml(file: string, reason: string, error: YAMLException | undefined): GaugewayError {
  const mark = error?.mark;
  const at = mark ? `:${mark.line + 1}:${mark.column + 1}` : '';
  const snippet = mark?.snippet ? `\n${mark.snippet}` : '';
  return new GaugewayError('BAD_REQUEST', `${file}${at}: ${reason}${snippet}`, {
    details: { file, ...(mark ? { line: mark.line + 1, column: mark.column + 1 } : {}) },
    cause: error,
  });
}

interface OpenCollection {
  kind: 'sequence' | 'mapping';
  path: YamlPath;
  /** Items seen so far. */
  count: number;
  /** The key whose value comes next; undefined while a key is expected. */
  key: string | undefined;
}

/**
 * js-yaml 5 has no listener any more, so positions come from a second walk over its event stream
 * (field notes, products-and-libraries.md B3 #5).
 */
function placesByDocument(events: readonly Event[], text: string): Places[] {
  const documents: Places[] = [];
  let places: Places = { keys: new Map(), scalars: new Map() };
  const open: (OpenCollection | undefined)[] = [];
  for (const event of events) {
    if (event.type === EVENT_ID.POP) {
      open.pop();
    } else if (event.type === EVENT_ID.DOCUMENT) {
      places = { keys: new Map(), scalars: new Map() };
      documents.push(places);
      open.push(undefined);
    } else {
      const parent = open.at(-1);
      const path = placeNode(event, parent, places, text);
      if (event.type === EVENT_ID.SEQUENCE || event.type === EVENT_ID.MAPPING) {
        const kind = event.type === EVENT_ID.SEQUENCE ? 'sequence' : 'mapping';
        open.push({ kind, path, count: 0, key: undefined });
      }
    }
  }
  return documents;
}

type NodeEvent = Exclude<Event, { type: typeof EVENT_ID.POP } | { type: typeof EVENT_ID.DOCUMENT }>;

/** Notes where a node stands and returns its path; a mapping's key is noted under its value's path. */
function placeNode(
  event: NodeEvent,
  parent: OpenCollection | undefined,
  places: Places,
  text: string,
): YamlPath {
  const offset = offsetOf(event);
  if (parent?.kind === 'mapping' && parent.key === undefined) {
    parent.key = event.type === EVENT_ID.SCALAR ? getScalarValue(text, event) : '';
    places.keys.set(pathKey([...parent.path, parent.key]), offset);
    return [...parent.path, parent.key];
  }
  const path = pathOfNode(parent);
  const key = pathKey(path);
  if (event.type === EVENT_ID.SCALAR) {
    places.scalars.set(key, { start: event.valueStart, end: event.valueEnd });
  }
  if (parent?.kind === 'mapping') parent.key = undefined;
  else places.keys.set(key, offset);
  return path;
}

/** Of a value: where it hangs below its parent. */
function pathOfNode(parent: OpenCollection | undefined): YamlPath {
  if (parent === undefined) return [];
  if (parent.kind === 'sequence') return [...parent.path, parent.count++];
  return [...parent.path, parent.key ?? ''];
}

function offsetOf(event: NodeEvent): number {
  if (event.type === EVENT_ID.SCALAR) return event.valueStart;
  return event.type === EVENT_ID.ALIAS ? event.anchorStart : event.start;
}

/** Paths as one string; numbers and the same digits as a key mean the same place. */
function pathKey(path: YamlPath): string {
  return JSON.stringify(path.map(String));
}

function positionAt(text: string, offset: number): YamlPosition {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: offset - lineStart + 1 };
}
