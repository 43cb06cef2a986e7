import { stat } from 'node:fs/promises';
import { rulesFilesAt } from './load-rules.ts';

/**
 * Differs when rules files were added, removed, written, or replaced: of each file it has what the file system tells of
 * the one that its path leads to, so that a symbolic link on the way may be what changed. Never rejects.
 */
export async function fingerprintRules(place: string): Promise<string> {
  try {
    const files = await rulesFilesAt(place);
    return (await Promise.all(files.map(fingerprintOfFile))).join('\n');
  } catch {
    return 'no rules files';
  }
}

async function fingerprintOfFile(file: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    return [file, dev, ino, size, mtimeNs, ctimeNs].join(' ');
  } catch {
    return `${file} unreadable`;
  }
}
