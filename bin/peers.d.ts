export function ensurePeers(say?: (line: string) => void): void;
export function ensureNewerPeers(say?: (line: string) => void): void;
export function ensureInstallPeers(say?: (line: string) => void): void;
export function ensureUserland(say?: (line: string) => void): string;
