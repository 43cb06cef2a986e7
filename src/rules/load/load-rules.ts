import type { RuleBook } from '../../domain/rules/rule-book.ts';
import type { FileFinder } from '../parse/descriptor-parser.ts';
import type { EnvoyproxyReading } from '../parse/file-defaults.ts';
import { type ParsedRules, parseRules } from '../parse/parse-rules.ts';
import { formatFault, type RulesFault } from '../yaml/rules-fault.ts';
import { DomainCollector } from './domain-collector.ts';
import { findWarnings, type RulesWarning } from './find-warnings.ts';
import { findRulesFiles, readRulesFile } from './read-rules-file.ts';
import { DEFAULT_FOLDER_OPTIONS, type RulesFolderOptions } from './rules-folder.ts';
import { RulesVersion } from './rules-version.ts';

/** All faults of a set of rules files. The message has one line for each: `file:line:column: description`. */
export class InvalidRules extends Error {
  override readonly name = 'InvalidRules';

  readonly faults: readonly RulesFault[];

  constructor(faults: readonly RulesFault[]) {
    super(faults.map(formatFault).join('\n'));
    this.faults = faults;
  }
}

/**
 * Loads a rules file, or those of a folder (rules-folder.ts). Throws InvalidRules with all faults.
 */
export async function loadRules(
  rulesPath: string,
  options: RulesFolderOptions = DEFAULT_FOLDER_OPTIONS,
): Promise<RuleBook> {
  return (await collectDomains(rulesPath, options)).domains.toBook();
}

/** The origin of loaded rules. */
export interface RulesSources {
  /** The files, in the order in which they were read. */
  readonly files: readonly string[];
  /** A digest of their texts (rules-version.ts). */
  readonly version: string;
}

/** Rules, and what in them can never match or never reject. */
export interface CheckedRules extends RulesSources {
  readonly book: RuleBook;
  readonly warnings: readonly RulesWarning[];
}

/** Loads rules as `loadRules` does, and looks for what in them has no effect. */
export async function loadCheckedRules(rulesPath: string, options: RulesFolderOptions): Promise<CheckedRules> {
  const { domains, files, version } = await collectDomains(rulesPath, options);
  const book = domains.toBook();
  return { book, files, version, warnings: await findWarnings(book, domains.filesByDomain) };
}

/** The text of a rules file that did not come from a file. Faults name it by its name. */
export interface RulesText {
  readonly name: string;
  readonly text: string;
}

/** Loads rules from texts, as `loadRules` does from files. There may be none. Throws InvalidRules with all faults. */
export function loadRulesTexts(
  texts: readonly RulesText[],
  { mergeDomains, envoyproxy }: RulesFolderOptions,
): RuleBook {
  const faults: RulesFault[] = [];
  const domains = new DomainCollector(mergeDomains);
  const findFile: FileFinder = (domain, key, value) => domains.findFile(domain, key, value);
  for (const { name, text } of texts) {
    const parsed = parseRules(name, text, findFile, envoyproxy);
    // A spread would exhaust the call stack with some 100,000 faults.
    for (const fault of 'root' in parsed ? domains.add(name, parsed) : parsed) faults.push(fault);
  }
  if (faults.length > 0) throw new InvalidRules(faults);
  return domains.toBook();
}

async function collectDomains(
  rulesPath: string,
  options: RulesFolderOptions,
): Promise<RulesSources & { readonly domains: DomainCollector }> {
  const listed = await findRulesFiles(rulesPath, options);
  if ('faults' in listed) throw new InvalidRules(listed.faults);
  const faults: RulesFault[] = [];
  const domains = new DomainCollector(options.mergeDomains);
  const findFile: FileFinder = (domain, key, value) => domains.findFile(domain, key, value);
  const version = new RulesVersion();
  for (const file of listed.files) {
    const parsed = await parseFile(file, version, findFile, options.envoyproxy);
    for (const fault of 'root' in parsed ? domains.add(file, parsed) : parsed) faults.push(fault);
  }
  if (faults.length > 0) throw new InvalidRules(faults);
  return { domains, files: listed.files, version: version.digest() };
}

/** Parses a file, and adds its text to the version. */
async function parseFile(
  file: string,
  version: RulesVersion,
  findFile: FileFinder,
  envoyproxy: EnvoyproxyReading | undefined,
): Promise<ParsedRules | readonly RulesFault[]> {
  const read = await readRulesFile(file);
  if ('faults' in read) return read.faults;
  version.add(read.text);
  return parseRules(file, read.text, findFile, envoyproxy);
}
