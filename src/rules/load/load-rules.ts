import { isUtf8 } from 'node:buffer';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { RuleBook, RuleNode } from '../../domain/rules/rule-book.ts';
import { parseRules } from '../parse/parse-rules.ts';
import type { RulesFault } from '../yaml/rules-fault.ts';

/** Every fault of a set of rules files; its message lists them as `file:line:column: what`. */
export class InvalidRules extends Error {
  override readonly name = 'InvalidRules';

  readonly faults: readonly RulesFault[];

  constructor(faults: readonly RulesFault[]) {
    super(faults.map(({ file, line, column, description }) => `${file}:${line}:${column}: ${description}`).join('\n'));
    this.faults = faults;
  }
}

/** Beyond what anybody writes, and what can be read in reasonable time: some 200,000 rules. */
const MOST_BYTES = 16 * 2 ** 20;

/** Reads a rules file, or all `*.yaml` and `*.yml` of a folder, one domain each. Throws InvalidRules with every fault. */
export async function loadRules(place: string): Promise<RuleBook> {
  const files = await rulesFilesAt(place);
  const faults: RulesFault[] = [];
  const domains = new Map<string, { root: RuleNode; file: string }>();
  for (const file of files) {
    const parsed = await parseFile(file);
    if (!('root' in parsed)) {
      faults.push(...parsed);
      continue;
    }
    const taken = domains.get(parsed.domain);
    if (taken !== undefined) {
      faults.push(faultOfFile(file, `domain: "${parsed.domain}" is also in ${taken.file}; one file each`));
    }
    domains.set(parsed.domain, { root: parsed.root, file });
  }
  if (faults.length > 0) throw new InvalidRules(faults);
  return new Map([...domains].map(([domain, { root }]) => [domain, root]));
}

/** The paths of the rules files at a place, in the order of their names. Throws InvalidRules where there are none. */
export async function rulesFilesAt(place: string): Promise<readonly string[]> {
  const found = await stat(place).catch(() => undefined);
  if (found === undefined) throw new InvalidRules([faultOfFile(place, 'cannot be found or read')]);
  if (!found.isDirectory()) return [place];
  const names = await readdir(place);
  const files = names.filter((name) => /\.ya?ml$/.test(name)).sort();
  if (files.length === 0) throw new InvalidRules([faultOfFile(place, 'has no *.yaml or *.yml in it')]);
  return files.map((name) => path.join(place, name));
}

async function parseFile(file: string): Promise<ReturnType<typeof parseRules>> {
  // Not of everything that has a path reading comes to an end: not of a pipe, nor of a device.
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) return [faultOfFile(file, 'cannot be found or read')];
  if (!found.isFile()) return [faultOfFile(file, 'is not a file')];
  if (found.size > MOST_BYTES) return [faultOfFile(file, `must be at most ${MOST_BYTES} bytes`)];
  const bytes = await readFile(file).catch(() => undefined);
  if (bytes === undefined) return [faultOfFile(file, 'cannot be read')];
  const text = bytes.toString();
  if (!isUtf8(bytes)) return [{ ...placeOfInvalid(bytes, text), file, description: 'is not UTF-8' }];
  return parseRules(file, text);
}

/** `text` has a replacement character for what is invalid, whose bytes are others. */
function placeOfInvalid(bytes: Buffer, text: string): { line: number; column: number } {
  const written = Buffer.from(text);
  const valid = bytes
    .subarray(
      0,
      bytes.findIndex((byte, place) => byte !== written[place]),
    )
    .toString();
  const line = valid.slice(valid.lastIndexOf('\n') + 1);
  return { line: valid.split('\n').length, column: line.length + 1 };
}

function faultOfFile(file: string, description: string): RulesFault {
  return { file, line: 1, column: 1, description };
}
