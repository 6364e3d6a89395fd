import {
  constructFromEvents,
  EVENT_ID,
  getScalarValue,
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
}

export interface YamlOptions {
  /** How many `*alias` nodes may occur; 0, the default, refuses all: they are a memory bomb. */
  maxAliases?: number;
}

/**
 * Reads one YAML 1.2 document (core schema: `yes` and dates stay strings).
 * Duplicate keys, bad syntax and a second document throw BAD_REQUEST whose message begins
 * `FILE:LINE:COLUMN:` and shows the spot.
 */
export function parseYaml(text: string, file: string, options: YamlOptions = {}): ParsedYaml {
  try {
    const events = parseEvents(text, { filename: file });
    const documents = constructFromEvents(events, {
      source: text,
      filename: file,
      maxAliases: options.maxAliases ?? 0,
    });
    if (documents.length > 1) throw badYaml(file, 'expected one document, found more', undefined);
    const offsets = offsetsByPath(events, text);
    return {
      value: documents[0],
      positionOf: (path) => {
        const offset = offsets.get(pathKey(path));
        return offset === undefined ? undefined : positionAt(text, offset);
      },
    };
  } catch (error) {
    if (error instanceof YAMLException) throw badYaml(file, error.reason, error);
    throw error;
  }
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
function offsetsByPath(events: readonly Event[], text: string): Map<string, number> {
  const offsets = new Map<string, number>();
  const open: (OpenCollection | undefined)[] = [];
  for (const event of events) {
    if (event.type === EVENT_ID.POP) {
      open.pop();
    } else if (event.type === EVENT_ID.DOCUMENT) {
      open.push(undefined);
    } else {
      const parent = open.at(-1);
      const path = placeNode(event, parent, offsets, text);
      if (event.type === EVENT_ID.SEQUENCE || event.type === EVENT_ID.MAPPING) {
        const kind = event.type === EVENT_ID.SEQUENCE ? 'sequence' : 'mapping';
        open.push({ kind, path, count: 0, key: undefined });
      }
    }
  }
  return offsets;
}

type NodeEvent = Exclude<Event, { type: typeof EVENT_ID.POP } | { type: typeof EVENT_ID.DOCUMENT }>;

/** Notes where a node stands and returns its path; a mapping's key is noted under its value's path. */
function placeNode(
  event: NodeEvent,
  parent: OpenCollection | undefined,
  offsets: Map<string, number>,
  text: string,
): YamlPath {
  const offset = offsetOf(event);
  if (parent === undefined) {
    offsets.set(pathKey([]), offset);
    return [];
  }
  if (parent.kind === 'sequence') {
    const path = [...parent.path, parent.count++];
    offsets.set(pathKey(path), offset);
    return path;
  }
  if (parent.key === undefined) {
    parent.key = event.type === EVENT_ID.SCALAR ? getScalarValue(text, event) : '';
    offsets.set(pathKey([...parent.path, parent.key]), offset);
    return [...parent.path, parent.key];
  }
  const path = [...parent.path, parent.key];
  parent.key = undefined;
  return path;
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
