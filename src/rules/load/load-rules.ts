import { isUtf8 } from 'node:buffer';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { RuleBook, RuleNode } from '../../domain/rules/rule-book.ts';
import { type ParsedRules, parseRules } from '../parse/parse-rules.ts';
import { abbreviate } from '../yaml/found-yaml.ts';
import type { RulesFault } from '../yaml/rules-fault.ts';

/** All faults of a set of rules files. The message has one line for each: `file:line:column: description`. */
export class InvalidRules extends Error {
  override readonly name = 'InvalidRules';

  readonly faults: readonly RulesFault[];

  constructor(faults: readonly RulesFault[]) {
    super(faults.map(({ file, line, column, description }) => `${file}:${line}:${column}: ${description}`).join('\n'));
    this.faults = faults;
  }
}

/** Some 200,000 rules: more than anybody writes, and still read in reasonable time. */
const MAX_FILE_BYTES = 16 * 2 ** 20;

/**
 * Loads a rules file, or all `*.yaml` and `*.yml` files of a folder, with one domain each. Throws InvalidRules with all
 * faults.
 */
export async function loadRules(rulesPath: string): Promise<RuleBook> {
  const files = await listRulesFiles(rulesPath);
  const faults: RulesFault[] = [];
  const domains = new Map<string, { root: RuleNode; file: string }>();
  for (const file of files) {
    const parsed = await parseFile(file);
    if (!('root' in parsed)) {
      faults.push(...parsed);
      continue;
    }
    const sameDomain = domains.get(parsed.domain);
    if (sameDomain !== undefined) {
      const name = abbreviate(parsed.domain);
      faults.push(fileFault(file, `domain: must not be in two files ("${name}" is also in ${sameDomain.file})`));
    }
    domains.set(parsed.domain, { root: parsed.root, file });
  }
  if (faults.length > 0) throw new InvalidRules(faults);
  return new Map([...domains].map(([domain, { root }]) => [domain, root]));
}

/** Lists the rules files at a path, sorted by name. Throws InvalidRules if there are none. */
export async function listRulesFiles(rulesPath: string): Promise<readonly string[]> {
  const stats = await stat(rulesPath).catch(() => undefined);
  if (stats === undefined) throw new InvalidRules([fileFault(rulesPath, NOT_FOUND)]);
  if (!stats.isDirectory()) return [rulesPath];
  const names = await readdir(rulesPath);
  const files = names.filter((name) => /\.ya?ml$/.test(name)).sort();
  if (files.length === 0) throw new InvalidRules([fileFault(rulesPath, 'must contain a *.yaml or *.yml file')]);
  return files.map((name) => path.join(rulesPath, name));
}

const NOT_FOUND = 'must be a file or folder that exists and can be read';

async function parseFile(file: string): Promise<ParsedRules | readonly RulesFault[]> {
  // Reading a pipe or a device may never end.
  const stats = await stat(file).catch(() => undefined);
  if (stats === undefined) return [fileFault(file, NOT_FOUND)];
  if (!stats.isFile()) return [fileFault(file, 'must be a regular file')];
  if (stats.size > MAX_FILE_BYTES) {
    return [fileFault(file, `must be at most ${MAX_FILE_BYTES} bytes (got ${stats.size})`)];
  }
  const bytes = await readFile(file).catch(() => undefined);
  if (bytes === undefined) return [fileFault(file, 'must be readable by this user')];
  const text = bytes.toString();
  if (!isUtf8(bytes)) return [{ file, ...locateInvalidUtf8(bytes, text), description: 'must be encoded in UTF-8' }];
  return parseRules(file, text);
}

/** Finds the first invalid byte. `text` is the decoded file, with a replacement character for each invalid sequence. */
function locateInvalidUtf8(bytes: Buffer, text: string): { line: number; column: number } {
  const encodedAgain = Buffer.from(text);
  const validBytes = bytes.findIndex((byte, index) => byte !== encodedAgain[index]);
  const validText = bytes.subarray(0, validBytes).toString();
  const line = validText.slice(validText.lastIndexOf('\n') + 1);
  return { line: validText.split('\n').length, column: line.length + 1 };
}

function fileFault(file: string, description: string): RulesFault {
  return { file, line: 1, column: 1, description };
}
