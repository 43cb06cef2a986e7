import { readFile } from 'node:fs/promises';
import { isMap, parseDocument, stringify } from 'yaml';
import { parseRoutePath } from '../domain/routes/parse-route-path.ts';
import { parseRoutes } from '../rules/routes/parse-routes.ts';
import { formatFault } from '../rules/yaml/rules-fault.ts';
import { CommandFailed } from './command-failed.ts';

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];
/** As the names of routes can be. */
const UNUSABLE_IN_NAMES = /[^\x21-\x7e]+/g;
const MAX_NAME_LENGTH = 255;

type Fields = Readonly<Record<string, unknown>>;

interface WrittenRoute {
  readonly name: string;
  readonly methods: readonly string[];
  readonly path: string;
  readonly auth?: 'optional' | 'none';
}

/**
 * `weir routes --from-openapi FILE`: writes a route table with a route for each operation of an OpenAPI document (version 2
 * or 3, YAML or JSON). The name is the `operationId`, or the method and the path. A path of the first server comes before
 * that of the operation. An operation with `security: []` has `auth: none`, one whose security may be empty
 * `auth: optional`. Operations whose path no route can have, and paths with a `$ref`, are comments. Throws CommandFailed.
 */
export async function routesFromOpenApi(file: string): Promise<string> {
  const document = await readDocument(file);
  const paths = asFields(document.paths);
  if (paths === undefined) throw new CommandFailed(`${file}: paths: must be a mapping, as in an OpenAPI document`);
  const base = readBasePath(document);
  const routes: WrittenRoute[] = [];
  const omitted: string[] = [];
  for (const [template, item] of Object.entries(paths)) {
    if (asFields(item)?.$ref !== undefined) omitted.push(`# ${quote(template)} is left out: write out its $ref`);
    for (const [method, operation] of Object.entries(asFields(item) ?? {})) {
      if (!METHODS.includes(method) || !template.startsWith('/')) continue;
      const route = createRoute(asFields(operation) ?? {}, method, `${base}${template}`, document);
      const fault = parseRoutePath(route.path);
      if (typeof fault === 'string')
        omitted.push(`# ${method.toUpperCase()} ${quote(route.path)} is left out: the path ${fault}`);
      else routes.push(route);
    }
  }
  const lines = routes.map((route) => `  - ${JSON.stringify(route)}`);
  const text = [
    `# From ${quote(file)}. Add cost, require and rate_limit where they are needed.`,
    ...omitted,
    ...(lines.length === 0 ? ['routes: []'] : ['routes:', ...lines]),
    '',
  ].join('\n');
  rejectConflicts(file, text);
  return text;
}

async function readDocument(file: string): Promise<Fields> {
  const text = await readFile(file, 'utf8').catch(() => {
    throw new CommandFailed(`${file}: must be a file that can be read`);
  });
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error !== undefined) throw new CommandFailed(`${file}: invalid YAML: ${error.message}`);
  if (!isMap(document.contents)) throw new CommandFailed(`${file}: must be a mapping, as an OpenAPI document is`);
  return asFields(document.toJS({ maxAliasCount: 100 })) ?? {};
}

/** The path of the first server, or `basePath` of version 2, without a slash at its end. */
function readBasePath({ servers, basePath }: Fields): string {
  if (typeof basePath === 'string') return basePath.replace(/\/+$/, '');
  const url: unknown = Array.isArray(servers) ? asFields(servers[0])?.url : undefined;
  if (typeof url !== 'string') return '';
  const path = /^(?:[a-z][a-z0-9+.-]*:)?\/\/[^/]*(\/.*)?$/i.exec(url)?.[1] ?? (url.startsWith('/') ? url : '');
  return path.replace(/\/+$/, '');
}

function createRoute(operation: Fields, method: string, path: string, document: Fields): WrittenRoute {
  const { operationId } = operation;
  const name = typeof operationId === 'string' && operationId !== '' ? operationId : `${method} ${path}`;
  const auth = readAuth(operation.security ?? document.security);
  const usableName = name.replaceAll(UNUSABLE_IN_NAMES, '-').slice(0, MAX_NAME_LENGTH);
  return { name: usableName, methods: [method.toUpperCase()], path: toRoutePath(path), ...(auth && { auth }) };
}

/** Parameters in OpenAPI may have any name. */
function toRoutePath(path: string): string {
  return path.replaceAll(/(^|\/)\{([^/{}]+)\}(?=\/|$)/g, (_, slash: string, name: string) => {
    const usable = name.replaceAll(/[^A-Za-z0-9_.-]/g, '_').slice(0, 60);
    return `${slash}{${/^[A-Za-z_]/.test(usable) ? usable : `_${usable}`}}`;
  });
}

/** undefined: a credential is required, or the document says nothing. */
function readAuth(security: unknown): WrittenRoute['auth'] {
  if (!Array.isArray(security)) return undefined;
  if (security.length === 0) return 'none';
  return security.some((each) => Object.keys(asFields(each) ?? { none: true }).length === 0) ? 'optional' : undefined;
}

/** A document may have two paths that differ in the names of their parameters only. */
function rejectConflicts(file: string, text: string): void {
  const parsed = parseRoutes('the routes', text);
  if ('faults' in parsed) throw new CommandFailed(`${file}: ${parsed.faults.map(formatFault).join('\n')}`);
}

function asFields(value: unknown): Fields | undefined {
  return isFields(value) ? value : undefined;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function quote(text: string): string {
  return stringify(text, { defaultStringType: 'QUOTE_DOUBLE', lineWidth: 0 }).trim();
}
