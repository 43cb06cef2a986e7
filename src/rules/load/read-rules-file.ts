import { isUtf8 } from 'node:buffer';
import { readFile, stat } from 'node:fs/promises';
import type { RulesFault } from '../yaml/rules-fault.ts';
import { fileFault } from './domain-collector.ts';
import { formatPassedOver, listPassedOver, listRulesFiles, type RulesFolderOptions } from './rules-folder.ts';

/** Some 200,000 rules: more than anybody writes, and still read in reasonable time. */
const MAX_FILE_BYTES = 16 * 2 ** 20;
const NOT_FOUND = 'must be a file or folder that exists and can be read';

/**
 * Lists the files of rules or routes at a path, or returns the fault that it has none. A folder that is read as
 * envoyproxy/ratelimit reads it may have none.
 */
export async function findRulesFiles(
  rulesPath: string,
  options: RulesFolderOptions,
): Promise<{ readonly files: readonly string[] } | { readonly faults: readonly RulesFault[] }> {
  const files = await listRulesFiles(rulesPath, options);
  if (files === undefined) return faulty(fileFault(rulesPath, NOT_FOUND));
  if (files.length > 0 || options.envoyproxy !== undefined) return { files };
  return faulty(await describeEmptyFolder(rulesPath, options));
}

async function describeEmptyFolder(rulesPath: string, options: RulesFolderOptions): Promise<RulesFault> {
  const passedOver = await listPassedOver(rulesPath, options);
  const found = passedOver.length === 0 ? '' : `; ${formatPassedOver(passedOver)}`;
  return fileFault(rulesPath, `must contain a *.yaml or *.yml file${found}`);
}

/** Reads a file of rules or routes, or returns the faults that it has before any YAML. */
export async function readRulesFile(
  file: string,
): Promise<{ readonly text: string } | { readonly faults: readonly RulesFault[] }> {
  // Reading a pipe or a device may never end.
  const stats = await stat(file).catch(() => undefined);
  if (stats === undefined) return faulty(fileFault(file, NOT_FOUND));
  if (!stats.isFile()) return faulty(fileFault(file, 'must be a regular file'));
  if (stats.size > MAX_FILE_BYTES) {
    return faulty(fileFault(file, `must be at most ${MAX_FILE_BYTES} bytes (got ${stats.size})`));
  }
  const bytes = await readFile(file).catch(() => undefined);
  if (bytes === undefined) return faulty(fileFault(file, 'must be readable by this user'));
  const text = bytes.toString();
  if (!isUtf8(bytes))
    return faulty({ file, ...locateInvalidUtf8(bytes, text), description: 'must be encoded in UTF-8' });
  return { text };
}

function faulty(fault: RulesFault): { readonly faults: readonly RulesFault[] } {
  return { faults: [fault] };
}

/** Finds the first invalid byte. `text` is the decoded file, with a replacement character for each invalid sequence. */
function locateInvalidUtf8(bytes: Buffer, text: string): { line: number; column: number } {
  const encodedAgain = Buffer.from(text);
  const validBytes = bytes.findIndex((byte, index) => byte !== encodedAgain[index]);
  const validText = bytes.subarray(0, validBytes).toString();
  const line = validText.slice(validText.lastIndexOf('\n') + 1);
  return { line: validText.split('\n').length, column: line.length + 1 };
}
