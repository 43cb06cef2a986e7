import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { EnvoyproxyReading } from '../parse/file-defaults.ts';

/** How a folder of rules files is read. A rules file that is named by itself is always read. */
export interface RulesFolderOptions {
  /** Files whose names begin with a dot hold no rules: editors and version control write such files. */
  readonly ignoreDotFiles: boolean;
  /** Several files may have the same domain. Together they are its rules. */
  readonly mergeDomains: boolean;
  /**
   * Weir stands in for envoyproxy/ratelimit: every file below the folder counts, whatever its name, and there may be none.
   * undefined: the `*.yaml` and `*.yml` files directly in the folder.
   */
  readonly envoyproxy?: EnvoyproxyReading;
}

export const DEFAULT_FOLDER_OPTIONS: RulesFolderOptions = { ignoreDotFiles: true, mergeDomains: false };

const RULES_FILE_NAME = /\.ya?ml$/;
/** In text for people. A folder can have thousands of other files. */
const MAX_SHOWN_FILES = 20;

/**
 * Lists the rules files at a path, sorted by name: the path itself, or the `*.yaml` and `*.yml` files directly in the
 * folder, or all files below it. Returns undefined if nothing is there.
 */
export async function listRulesFiles(
  rulesPath: string,
  { ignoreDotFiles, envoyproxy }: RulesFolderOptions,
): Promise<readonly string[] | undefined> {
  const stats = await stat(rulesPath).catch(() => undefined);
  if (stats === undefined) return undefined;
  if (!stats.isDirectory()) return [rulesPath];
  if (envoyproxy !== undefined) return (await listAllFiles(rulesPath, ignoreDotFiles)).sort();
  const names = await readdir(rulesPath);
  const files = names.filter((name) => isRulesFile(name, ignoreDotFiles)).sort();
  return files.map((name) => path.join(rulesPath, name));
}

/**
 * Lists what else is in a folder, each with the reason why it is passed over, sorted by name. Names the rules files of
 * subfolders, because somebody may expect them to count. Leaves out what Kubernetes adds to a mounted ConfigMap: names
 * that begin with two dots. Empty if the path is not a folder.
 */
export async function listPassedOver(
  rulesPath: string,
  { ignoreDotFiles, envoyproxy }: RulesFolderOptions,
): Promise<readonly string[]> {
  if (envoyproxy !== undefined) return [];
  const passedOver: string[] = [];
  for (const entry of await readEntries(rulesPath)) {
    const { name } = entry;
    if (isRulesFile(name, ignoreDotFiles)) continue;
    if (name.startsWith('..') && !RULES_FILE_NAME.test(name)) continue;
    if (ignoreDotFiles && name.startsWith('.')) passedOver.push(`${name} (begins with a dot)`);
    else if (entry.isDirectory()) passedOver.push(...(await listSubfolder(rulesPath, name)));
    else passedOver.push(`${name} (not *.yaml or *.yml)`);
  }
  return passedOver.sort();
}

/** Joins what was passed over to one line of bounded length. */
export function formatPassedOver(passedOver: readonly string[]): string {
  const shown = shortenPassedOver(passedOver).map((text) => text.replaceAll(/\p{C}/gu, '?'));
  const omitted = passedOver.length - shown.length;
  return `passed over: ${shown.join(', ')}${omitted === 0 ? '' : ` and ${omitted} more`}`;
}

/** Bounds a list of what was passed over, for a log line. */
export function shortenPassedOver(passedOver: readonly string[]): readonly string[] {
  return passedOver.slice(0, MAX_SHOWN_FILES);
}

function isRulesFile(name: string, ignoreDotFiles: boolean): boolean {
  return RULES_FILE_NAME.test(name) && !(ignoreDotFiles && name.startsWith('.'));
}

/**
 * Lists all files below a folder, as goruntime does for envoyproxy/ratelimit: without those that no link leads to, and
 * without the folders that links lead to, such as `..data` in a mounted ConfigMap.
 */
async function listAllFiles(folder: string, ignoreDotFiles: boolean): Promise<string[]> {
  const files: string[] = [];
  for (const entry of await readEntries(folder)) {
    if (ignoreDotFiles && entry.name.startsWith('.')) continue;
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) files.push(...(await listAllFiles(file, ignoreDotFiles)));
    else if (!entry.isSymbolicLink() || (await stat(file).catch(() => undefined))?.isFile()) files.push(file);
  }
  return files;
}

async function listSubfolder(rulesPath: string, folder: string): Promise<readonly string[]> {
  const entries = await readEntries(path.join(rulesPath, folder));
  const files = entries.filter(({ name }) => RULES_FILE_NAME.test(name));
  return files.length === 0
    ? [`${folder}/ (a subfolder)`]
    : files.map(({ name }) => `${folder}/${name} (in a subfolder)`);
}

async function readEntries(folder: string): Promise<readonly Dirent[]> {
  return readdir(folder, { withFileTypes: true }).catch(() => []);
}
