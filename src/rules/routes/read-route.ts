import { parseRoutePath } from '../../domain/routes/parse-route-path.ts';
import type { Route, RouteSegment } from '../../domain/routes/route.ts';
import { withFoundYaml } from '../yaml/found-yaml.ts';
import {
  type LocatedMapping,
  readRequiredString,
  rejectUnknownFields,
  scalarText,
  toJsValue,
} from '../yaml/read-fields.ts';
import type { FaultSink } from '../yaml/rules-fault.ts';
import { childLocation } from '../yaml/yaml-location.ts';
import { getField, isYamlSequence } from '../yaml/yaml-values.ts';
import { readChoice } from './read-choice.ts';

const FIELDS = ['name', 'hosts', 'methods', 'path', 'cost', 'auth', 'require', 'rate_limit'];

/** As limits name routes. */
const NAME = /^[\x21-\x7e]{1,255}$/;
const METHOD = /^[A-Z][A-Z0-9_-]{0,31}$/;
/** A name without a port, which may begin with `*.`; or an IP address, one of version 6 in brackets. */
const HOST =
  /^(?=.{1,253}$)(?:(?:\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*|\[[0-9a-f:.]+\])$/;
const FEATURE = /^[^\p{Cc}\p{Cs}]{1,255}$/u;
const MAX_ITEMS = 64;
const MAX_COST = 2 ** 32 - 1;

/** Reads one route. Returns undefined if it cannot be matched against others for its faults. */
export function readRoute(from: LocatedMapping, faults: FaultSink): Route | undefined {
  rejectUnknownFields(from, FIELDS, faults);
  const name = readName(from, faults);
  const hosts = readList(
    from,
    'hosts',
    HOST,
    'must be a host without a port, such as api.example.com or *.example.com, in lower case',
    faults,
  );
  const methods = readList(from, 'methods', METHOD, 'must be a method in upper case, such as GET', faults);
  const segments = readPath(from, faults);
  const cost = readCost(from, faults);
  const auth = readChoice(from, 'auth', ['required', 'optional', 'none'], faults);
  const require = readList(from, 'require', FEATURE, 'must be the name of a feature', faults);
  const rateLimit = readChoice(from, 'rate_limit', ['on', 'off'], faults);
  if (auth === 'none' || auth === 'optional') rejectWithAuth(from, auth, faults);
  if (name === undefined || segments === undefined) return undefined;
  return {
    name,
    hosts,
    methods,
    segments,
    require,
    ...(cost !== undefined && { cost }),
    ...(auth !== undefined && { auth }),
    ...(rateLimit !== undefined && { rateLimit }),
  };
}

/** Reports fields that have no effect where a request needs no credential: their author relies on them. */
function rejectWithAuth({ mapping, location }: LocatedMapping, auth: 'none' | 'optional', faults: FaultSink): void {
  const ineffective = auth === 'none' ? ['require', 'cost', 'rate_limit'] : ['require'];
  for (const field of ineffective.filter((name) => Object.hasOwn(mapping, name))) {
    const reason = field === 'require' ? 'features need a credential' : 'no plan is charged';
    faults.report(childLocation(location, field), `must be left out if auth is "${auth}": ${reason}`);
  }
}

function readName(from: LocatedMapping, faults: FaultSink): string | undefined {
  const name = readRequiredString(from, 'name', faults);
  if (name === undefined || NAME.test(name)) return name;
  const expected = 'must be 1 to 255 visible ASCII characters, as in the routes of limits';
  faults.report(childLocation(from.location, 'name'), withFoundYaml(expected, name));
  return undefined;
}

function readPath(from: LocatedMapping, faults: FaultSink): readonly RouteSegment[] | undefined {
  const path = readRequiredString(from, 'path', faults);
  if (path === undefined) return undefined;
  const parsed = parseRoutePath(path);
  if (typeof parsed !== 'string') return parsed;
  faults.report(childLocation(from.location, 'path'), withFoundYaml(parsed, path));
  return undefined;
}

function readCost({ mapping, location }: LocatedMapping, faults: FaultSink): number | undefined {
  const value = getField(mapping, 'cost');
  const cost = toJsValue(value);
  if (value === undefined) return undefined;
  if (typeof cost === 'number' && Number.isInteger(cost) && cost >= 0 && cost <= MAX_COST) return cost;
  faults.report(childLocation(location, 'cost'), withFoundYaml(`must be a whole number from 0 to ${MAX_COST}`, value));
  return undefined;
}

/** Reads a list of different texts of a form. Empty if the field is absent; a list that is there must have items. */
function readList(
  { mapping, location }: LocatedMapping,
  field: string,
  form: RegExp,
  expected: string,
  faults: FaultSink,
): readonly string[] {
  const list = getField(mapping, field);
  if (list === undefined) return [];
  const listLocation = childLocation(location, field);
  if (!isYamlSequence(list) || list.length === 0 || list.length > MAX_ITEMS) {
    const found = isYamlSequence(list) ? ` (got ${list.length})` : '';
    const description = `must be a list of 1 to ${MAX_ITEMS} items`;
    faults.report(listLocation, found === '' ? withFoundYaml(description, list) : `${description}${found}`);
    return [];
  }
  const texts: string[] = [];
  for (const [index, item] of list.entries()) {
    const text = scalarText(item);
    const itemLocation = childLocation(listLocation, index);
    if (text === undefined || !form.test(text)) faults.report(itemLocation, withFoundYaml(expected, item));
    else if (texts.includes(text)) faults.report(itemLocation, withFoundYaml('must be listed once', text));
    else texts.push(text);
  }
  return texts;
}
