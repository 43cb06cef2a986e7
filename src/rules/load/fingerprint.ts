import { stat } from 'node:fs/promises';
import { listRulesFiles, type RulesFolderOptions } from './rules-folder.ts';

/**
 * Computes a string that differs after rules files were added, removed, written or replaced. Stats each file through
 * symbolic links, so a changed link on the path counts as well. Never rejects.
 */
export async function fingerprintRules(rulesPath: string, options: RulesFolderOptions): Promise<string> {
  try {
    const files = (await listRulesFiles(rulesPath, options)) ?? [];
    return (await Promise.all(files.map(fingerprintFile))).join('\n');
  } catch {
    return 'no rules files';
  }
}

async function fingerprintFile(file: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    return [file, dev, ino, size, mtimeNs, ctimeNs].join(' ');
  } catch {
    return `${file} unreadable`;
  }
}
