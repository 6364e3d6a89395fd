import { fields, wholeLines } from './text.ts';

/** One line of mountinfo, proc_pid_mountinfo(5). */
export interface Mount {
  /** `major:minor`; bind mounts of one filesystem share it. */
  deviceNumber: string;
  mountPoint: string;
  fsType: string;
  source: string;
  isReadOnly: boolean;
}

export function parseMountinfo(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of wholeLines(text)) {
    const parts = fields(line);
    // Optional fields end with a single "-"; after it come the type and the source.
    const dash = parts.indexOf('-', 6);
    const deviceNumber = parts[2];
    const mountPoint = parts[4];
    const fsType = parts[dash + 1];
    const source = parts[dash + 2];
    if (dash < 0 || deviceNumber === undefined || mountPoint === undefined) continue;
    if (fsType === undefined || source === undefined) continue;
    mounts.push({
      deviceNumber,
      mountPoint: unescape(mountPoint),
      fsType,
      source: unescape(source),
      // Of this mount, or of the filesystem as a whole.
      isReadOnly: isReadOnly(parts[5]) || isReadOnly(parts[dash + 3]),
    });
  }
  return mounts;
}

const isReadOnly = (options = '') => options === 'ro' || options.startsWith('ro,');

/** Blank, tab, newline and backslash are written as three octal digits. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
