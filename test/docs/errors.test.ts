import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ERROR_REASONS } from '../../src/admin/server/error-status.ts';
import { DENIALS } from '../../src/domain/denial.ts';
import { section, tableCodes } from './markdown.ts';

const page = readFileSync('docs/errors.md', 'utf8');
const sorted = (names: Iterable<string>) => [...names].sort();

/** The code and the HTTP status of each row of a table. */
function codesWithStatus(text: string): Readonly<Record<string, number>> {
  const rows = [...text.matchAll(/^\| `([a-z_]+)` \| (\d{3}) \|/gm)];
  return Object.fromEntries(rows.map(([, code = '', status]) => [code, Number(status)]));
}

/** They answer with the codes of Connect. */
const API_FILES: ReadonlySet<string> = new Set(['api-endpoint.ts', 'api-gate.ts']);

/** The codes and statuses that the sources of the JSON endpoint spell out. */
function jsonErrors(): Readonly<Record<string, number>> {
  const http = ['src/http', 'src/http/endpoints'].flatMap((folder) =>
    readdirSync(folder)
      .filter((file) => file.endsWith('.ts') && !API_FILES.has(file))
      .map((file) => `${folder}/${file}`),
  );
  const files = [...http, 'src/data-plane/json-transport.ts'];
  const sources = files.map((file) => readFileSync(file, 'utf8')).join('\n');
  const pairs = [...sources.matchAll(/\b([45]\d\d), (?:code: )?'([a-z_]+)'/g)].map(([, status, code = '']) => [
    code,
    Number(status),
  ]);
  return Object.fromEntries(pairs);
}

describe('docs/errors.md', () => {
  it('lists exactly the codes of denials, each with its HTTP status', () => {
    const codes = Object.entries(DENIALS).map(([code, { status }]) => [code, status]);
    expect(codesWithStatus(section(page, '## Check'))).toEqual(Object.fromEntries(codes));
  });

  it('lists exactly the codes of the JSON endpoint, each with its HTTP status', () => {
    expect(codesWithStatus(section(page, '### Over JSON'))).toEqual(jsonErrors());
  });

  it('lists exactly the reasons of the admin API', () => {
    expect(sorted(tableCodes(section(page, '## Admin API'), /^[A-Z][A-Z_]+$/, 1))).toEqual(sorted(ERROR_REASONS));
  });
});
