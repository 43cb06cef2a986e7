import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { SECRET_VARIABLES, VARIABLE_NAMES } from '../../src/config/variables.ts';

const CHART = 'deploy/helm/weir';

interface VariableSchema {
  readonly enum?: readonly (string | boolean)[];
}

/** Reads a file of the chart. Tests check its content. */
function readYaml<Content>(file: string): Content {
  return load(readFileSync(`${CHART}/${file}`, 'utf8')) as Content;
}

const schema = readYaml<{ definitions: { config: { properties: Readonly<Record<string, VariableSchema>> } } }>(
  'values.schema.json',
);
const variables = schema.definitions.config.properties;

/** Variables that the chart sets from values of their own, or that its pods do not need. */
const OWN_VARIABLES = new Set<string>([
  ...SECRET_VARIABLES,
  ...VARIABLE_NAMES.filter((name) => /_ADDRESS$|_TLS_|^PGSSL|^SHUTDOWN_/.test(name)),
  'DATA_DIR',
  'DECISION_CLIENT_IDENTITIES',
  'RULES_PATH',
  'WEIR_ROLE',
  // The chart has no Service for the request log.
  'REQUEST_LOG',
  'REQUEST_LOG_RETENTION',
]);

describe('config in the values of the chart', () => {
  it('takes exactly the variables that the chart does not set itself', () => {
    expect(Object.keys(variables).sort()).toEqual(VARIABLE_NAMES.filter((name) => !OWN_VARIABLES.has(name)).sort());
  });

  const choices = Object.entries(variables).flatMap(([name, { enum: values = [] }]) =>
    values.map((value) => [name, `${value}`] as const),
  );
  it.each(choices)('%s=%s is a value that Weir takes', (name, value) => {
    const secrets = { KEY_PEPPER: 'a pepper of many characters', SIGNING_KEY_SECRET: 'a'.repeat(64) };
    expect(() => readConfig({ ...secrets, DEVICE_HEADER: 'x-device', [name]: value })).not.toThrow();
  });
});

/** Objects that the README describes as a whole. */
const WHOLE_OBJECTS = /(?:^|\.)(?:config|resources|podSecurityContext|securityContext|labels)$/;

/** Lists each value by its path, with its default as JSON. */
function listDefaults(value: unknown, path = ''): readonly string[] {
  const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value) && !WHOLE_OBJECTS.test(path);
  const members = isGroup ? Object.entries(value) : [];
  if (members.length === 0) return [`\`${path}\` | \`${JSON.stringify(value)}\``];
  return members.flatMap(([name, member]) => listDefaults(member, path === '' ? name : `${path}.${name}`));
}

describe('README.md of the chart', () => {
  it('lists every value with its default, in the order of values.yaml', () => {
    const rows = readFileSync(`${CHART}/README.md`, 'utf8').matchAll(/^\| (`[\w.]+` \| `.*?`) \| [^|]+ \|$/gm);
    expect([...rows].map(([, row]) => row)).toEqual(listDefaults(readYaml('values.yaml')));
  });
});

describe('Chart.yaml', () => {
  it('names the version of Weir', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(readYaml<{ appVersion: string }>('Chart.yaml').appVersion).toBe(version);
  });
});
