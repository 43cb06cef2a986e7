import { parse, stringify } from 'yaml';
import { formatDuration } from '../../domain/limits/duration.ts';
import { parseRules } from '../../rules/parse/parse-rules.ts';
import { type ImportResult, type InputMapping, noteUnreadFields, readMappings, readText } from './import-result.ts';
import { type LimitadorEntry, parseCondition, parseVariable } from './limitador-expression.ts';

const FIELDS = ['namespace', 'max_value', 'seconds', 'conditions', 'variables', 'name'];

/** A limit whose conditions and variables are entries of one descriptor. */
interface ReadLimit {
  readonly namespace: string;
  readonly entries: readonly LimitadorEntry[];
  readonly limit: RuleLimit;
}

/** A limit as a rules file has it. */
type RuleLimit = Readonly<Record<string, string | number>> & { readonly name: string };

interface Descriptor {
  readonly key: string;
  readonly value?: string;
  limits?: RuleLimit[];
  descriptors?: Descriptor[];
}

/**
 * `weir import limitador`: turns a limits file of Limitador into rules files, one for each namespace. Rules match a
 * descriptor by all of its entries in order, so a note says which descriptor each rule needs.
 */
export function importLimitador(text: string): ImportResult {
  const notes: string[] = [];
  const limits = readMappings(parse(text), 'limits', notes).flatMap((limit, index) => {
    return readLimit(limit, `limits[${index}]`, notes) ?? [];
  });
  const byNamespace = Map.groupBy(limits, ({ namespace }) => namespace);
  const files = [...byNamespace].map(([domain, ofDomain], index) => {
    const name = `${/^[\w.-]+$/.test(domain) ? domain : `namespace-${index + 1}`}.yaml`;
    const file = stringify({ domain, descriptors: nest(ofDomain, domain, notes) });
    const parsed = parseRules(name, file);
    if (!('root' in parsed)) notes.push(...parsed.map(({ line, description }) => `${name}:${line}: ${description}`));
    return { name, text: file };
  });
  return { files, notes };
}

/** undefined: a note says why the limit is not carried over. */
function readLimit(mapping: InputMapping, path: string, notes: string[]): ReadLimit | undefined {
  noteUnreadFields(mapping, FIELDS, path, notes);
  const namespace = readText(mapping.namespace);
  const { max_value: requests, seconds } = mapping;
  if (namespace === undefined || !isCount(requests, 0) || !isCount(seconds, 1)) {
    notes.push(`${path}: must have a namespace, and max_value and seconds as whole numbers; it is not carried over`);
    return undefined;
  }
  const entries = readEntries(mapping, path, notes);
  if (entries === undefined) return undefined;
  const name = readText(mapping.name) ?? formatDuration(seconds);
  const limit =
    requests === 0
      ? { name, unit: 'second', unit_multiplier: seconds, requests_per_unit: 0 }
      : { name, requests, window: formatDuration(seconds) };
  return { namespace, entries, limit };
}

function readEntries(mapping: InputMapping, path: string, notes: string[]): readonly LimitadorEntry[] | undefined {
  const entries: LimitadorEntry[] = [];
  for (const [field, parseEntry] of [
    ['conditions', parseCondition],
    ['variables', parseVariable],
  ] as const) {
    for (const [index, item] of toList(mapping[field]).entries()) {
      const entry = typeof item === 'string' ? parseEntry(item) : undefined;
      const isPattern = entry?.key.includes('*') === true || entry?.value?.includes('*') === true;
      if (entry === undefined || isPattern) {
        const reason = isPattern ? 'an asterisk stands for any characters in Weir' : 'Weir has no such expression';
        notes.push(
          `${path}.${field}[${index}]: ${reason}; the limit is not carried over (got ${JSON.stringify(item)})`,
        );
        return undefined;
      }
      entries.push(entry);
    }
  }
  if (entries.length === 0) {
    notes.push(`${path}: has neither conditions nor variables; send a descriptor of its own to limit all requests`);
    return undefined;
  }
  if (new Set(entries.map(({ descriptor }) => descriptor)).size > 1) {
    notes.push(`${path}: refers to several descriptors; a rule matches one, so the limit is not carried over`);
    return undefined;
  }
  if (new Set(entries.map(({ key }) => key)).size < entries.length) {
    notes.push(`${path}: refers to an entry twice; the limit is not carried over`);
    return undefined;
  }
  return entries;
}

/** Nests the entries of all limits. Limits with the same entries become one rule. */
function nest(limits: readonly ReadLimit[], domain: string, notes: string[]): readonly Descriptor[] {
  const root: Descriptor = { key: domain };
  for (const { entries, limit } of limits) {
    let parent = root;
    for (const { key, value } of entries) parent = findOrAdd(parent, key, value);
    if (parent.limits === undefined) {
      const keys = entries.map(({ key }) => key).join(', ');
      notes.push(`${domain}: needs a descriptor with exactly these entries, in this order: ${keys}`);
      parent.limits = [];
    }
    parent.limits.push({ ...limit, name: uniqueName(limit.name, parent.limits) });
  }
  return root.descriptors ?? [];
}

function findOrAdd(parent: Descriptor, key: string, value: string | undefined): Descriptor {
  parent.descriptors ??= [];
  let found = parent.descriptors.find((descriptor) => descriptor.key === key && descriptor.value === value);
  if (found === undefined) {
    found = { key, ...(value !== undefined && { value }) };
    parent.descriptors.push(found);
  }
  return found;
}

/** Two limits of one rule cannot have the same name. */
function uniqueName(name: string, others: readonly RuleLimit[]): string {
  const isTaken = (candidate: string) => others.some((other) => other.name === candidate);
  if (!isTaken(name)) return name;
  for (let number = 2; ; number++) if (!isTaken(`${name}-${number}`)) return `${name}-${number}`;
}

function isCount(value: unknown, min: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= min;
}

function toList(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}
