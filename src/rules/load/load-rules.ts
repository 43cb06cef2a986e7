import { isUtf8 } from 'node:buffer';
import { readFile, stat } from 'node:fs/promises';
import type { RuleBook } from '../../domain/rules/rule-book.ts';
import type { FileFinder } from '../parse/descriptor-parser.ts';
import { type ParsedRules, parseRules } from '../parse/parse-rules.ts';
import type { RulesFault } from '../yaml/rules-fault.ts';
import { DomainCollector, fileFault } from './domain-collector.ts';
import {
  DEFAULT_FOLDER_OPTIONS,
  formatPassedOver,
  listPassedOver,
  listRulesFiles,
  type RulesFolderOptions,
} from './rules-folder.ts';

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
 * Loads a rules file, or all `*.yaml` and `*.yml` files directly in a folder. Throws InvalidRules with all faults.
 */
export async function loadRules(
  rulesPath: string,
  options: RulesFolderOptions = DEFAULT_FOLDER_OPTIONS,
): Promise<RuleBook> {
  const files = await listRulesFiles(rulesPath, options);
  if (files === undefined) throw new InvalidRules([fileFault(rulesPath, NOT_FOUND)]);
  if (files.length === 0) throw new InvalidRules([await describeEmptyFolder(rulesPath, options)]);
  const faults: RulesFault[] = [];
  const domains = new DomainCollector(options.mergeDomains);
  for (const file of files) {
    const parsed = await parseFile(file, (domain, key, value) => domains.findFile(domain, key, value));
    faults.push(...('root' in parsed ? domains.add(file, parsed) : parsed));
  }
  if (faults.length > 0) throw new InvalidRules(faults);
  return domains.toBook();
}

async function describeEmptyFolder(rulesPath: string, options: RulesFolderOptions): Promise<RulesFault> {
  const passedOver = await listPassedOver(rulesPath, options);
  const found = passedOver.length === 0 ? '' : `; ${formatPassedOver(passedOver)}`;
  return fileFault(rulesPath, `must contain a *.yaml or *.yml file${found}`);
}

const NOT_FOUND = 'must be a file or folder that exists and can be read';

async function parseFile(file: string, findFile: FileFinder): Promise<ParsedRules | readonly RulesFault[]> {
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
  return parseRules(file, text, findFile);
}

/** Finds the first invalid byte. `text` is the decoded file, with a replacement character for each invalid sequence. */
function locateInvalidUtf8(bytes: Buffer, text: string): { line: number; column: number } {
  const encodedAgain = Buffer.from(text);
  const validBytes = bytes.findIndex((byte, index) => byte !== encodedAgain[index]);
  const validText = bytes.subarray(0, validBytes).toString();
  const line = validText.slice(validText.lastIndexOf('\n') + 1);
  return { line: validText.split('\n').length, column: line.length + 1 };
}
