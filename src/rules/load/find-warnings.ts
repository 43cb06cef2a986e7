import { readFile, stat } from 'node:fs/promises';
import { type DeadRule, findDeadRules, type PatternEntry } from '../../domain/rules/find-dead-rules.ts';
import type { RuleBook } from '../../domain/rules/rule-book.ts';
import { abbreviate } from '../yaml/found-yaml.ts';
import { scalarText } from '../yaml/read-fields.ts';
import type { RulesFault } from '../yaml/rules-fault.ts';
import { YamlDocument } from '../yaml/yaml-document.ts';
import { childLocation, type YamlLocation } from '../yaml/yaml-location.ts';
import { getField, isYamlMapping, isYamlSequence, type YamlMapping } from '../yaml/yaml-values.ts';

/** A warning about rules that were loaded. It has the position of a descriptor. */
export type RulesWarning = RulesFault;

/** Nobody reads more. A generated file can have a warning for each of its rules. */
const MAX_WARNINGS = 1000;
/** Positions need a parser that is twenty times slower. Warnings about larger files have the position of their start. */
const MAX_LOCATED_FILE_BYTES = 2 ** 20;

/** Finds what the rules have that can never match or never reject. `filesByDomain` are the files that they were read from. */
export async function findWarnings(
  book: RuleBook,
  filesByDomain: ReadonlyMap<string, readonly string[]>,
): Promise<readonly RulesWarning[]> {
  const documents = new Map<string, YamlDocument | undefined>();
  const warnings: RulesWarning[] = [];
  for (const dead of findDeadRules(book)) {
    if (warnings.length === MAX_WARNINGS) break;
    const files = filesByDomain.get(dead.domain) ?? [];
    for (const file of files) if (!documents.has(file)) documents.set(file, await readDocument(file));
    warnings.push(locateWarning(dead, files, documents));
  }
  return warnings.sort((one, other) =>
    one.file < other.file ? -1 : one.file > other.file ? 1 : one.line - other.line,
  );
}

/** undefined: the file is large, or is gone. */
async function readDocument(file: string): Promise<YamlDocument | undefined> {
  const stats = await stat(file).catch(() => undefined);
  if (stats === undefined || stats.size > MAX_LOCATED_FILE_BYTES) return undefined;
  const text = await readFile(file, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : new YamlDocument(file, text, 'must be a mapping');
}

function locateWarning(
  { pattern, path, description }: DeadRule,
  files: readonly string[],
  documents: ReadonlyMap<string, YamlDocument | undefined>,
): RulesWarning {
  const text = `${abbreviate(path)}: ${description}`;
  for (const file of files) {
    const document = documents.get(file);
    if (document?.contents === undefined) continue;
    const location = findDescriptor(document.contents, pattern);
    if (location !== undefined || pattern.length === 0)
      return { file, ...document.positionAt(location), description: text };
  }
  return { file: files[0] ?? '', line: 1, column: 1, description: text };
}

/** Finds the descriptor of a pattern in a file. undefined: the file does not have it. */
function findDescriptor(contents: YamlMapping, pattern: readonly PatternEntry[]): YamlLocation {
  let mapping = contents;
  let location: YamlLocation;
  for (const { key, value } of pattern) {
    const descriptors = getField(mapping, 'descriptors');
    if (!isYamlSequence(descriptors)) return undefined;
    const index = descriptors.findIndex((item) => isYamlMapping(item) && hasEntry(item, key, value));
    const descriptor = descriptors[index];
    if (!isYamlMapping(descriptor)) return undefined;
    mapping = descriptor;
    location = childLocation(childLocation(location, 'descriptors'), index);
  }
  return location;
}

function hasEntry(descriptor: YamlMapping, key: string, value: string | undefined): boolean {
  return (
    scalarText(getField(descriptor, 'key')) === key &&
    (scalarText(getField(descriptor, 'value')) || undefined) === value
  );
}
