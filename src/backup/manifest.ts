import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { GaugewayError, messageOf } from '../platform/index.ts';

export const manifestName = 'manifest.json';

/** Grows when an older program could not restore what a newer one holds. */
const format = 1;

/** Below the backup; what leads out of it is none of ours, whoever wrote the manifest. */
const inside = z
  .string()
  .min(1)
  .refine(
    (path) => !isAbsolute(path) && !path.split('/').includes('..'),
    'leads out of the backup',
  );

const heldFile = z.strictObject({
  path: inside,
  bytes: z.number().int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

const partKinds = [
  'postgres',
  'victoria',
  'journal',
  'data',
  'exports',
  'rules',
  'config',
] as const;

const part = z.strictObject({
  /** `postgres`, `victoria-raw`, `journal`, …: the folder in the backup too. */
  name: inside,
  kind: z.enum(partKinds),
  /** False: it is elsewhere, and `note` says how it is held there. */
  isHeld: z.boolean(),
  note: z.string().optional(),
  bytes: z.number().int().min(0),
  files: z.array(heldFile),
  /** Folders without a file in them count too. */
  folders: z.array(inside),
});

const manifest = z.strictObject({
  format: z.literal(format),
  /** Of the program that made it. */
  version: z.string(),
  createdAt: z.string(),
  /** Every migration that the database had, the last one last. */
  migrations: z.array(z.string()).min(1),
  /** Major versions: a dump goes into a server that is as new, by tools that are as new. */
  postgres: z.strictObject({ server: z.number().int(), tool: z.number().int() }),
  parts: z.array(part),
  /** SHA-256 of everything above. */
  digest: z.string(),
});

export type HeldFile = z.output<typeof heldFile>;
export type Part = z.output<typeof part>;
export type PartKind = Part['kind'];
export type Manifest = z.output<typeof manifest>;

export const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');

type Unsealed = Omit<Manifest, 'digest' | 'format'>;

/** The text of the file; its last line makes every changed byte of it show. */
export function sealManifest(unsealed: Unsealed): string {
  const { version, createdAt, migrations, postgres, parts } = unsealed;
  const body = { format, version, createdAt, migrations, postgres, parts };
  return `${JSON.stringify({ ...body, digest: digestOf(JSON.stringify(body)) }, null, 2)}\n`;
}

/** NOT_FOUND where there is none, BAD_REQUEST for one that is of a newer program, broken or changed. */
export function readManifest(folder: string): Manifest {
  const path = join(folder, manifestName);
  const value = parse(path);
  if (typeof value === 'object' && value !== null && 'format' in value && value.format !== format) {
    throw broken(path, `it has the format ${String(value.format)}, this program reads ${format}`);
  }
  const parsed = manifest.safeParse(value);
  const issue = parsed.error?.issues[0];
  if (issue) throw broken(path, `${issue.path.join('.')}: ${issue.message}`);
  const { digest, ...body } = value as Manifest;
  if (digest !== digestOf(JSON.stringify(body))) throw broken(path, 'it was changed');
  return parsed.data as Manifest;
}

function parse(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new GaugewayError(
      'NOT_FOUND',
      `${path} cannot be read: no backup, or one that was not finished`,
      { cause: error },
    );
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw broken(path, messageOf(error));
  }
}

const broken = (path: string, why: string): GaugewayError =>
  new GaugewayError('BAD_REQUEST', `${path} cannot be used: ${why}`);
