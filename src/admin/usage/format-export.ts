import type { ExportedUsage } from '../../database/usage/export-usage.ts';

const COLUMNS = [
  'account',
  'api_key',
  'plan',
  'route',
  'allowed',
  'rate_limited',
  'quota_exceeded',
  'denied',
  'hits',
  'corrects',
] as const;

/** The first line of an export as CSV. */
export const CSV_HEADER = `${COLUMNS.join(',')}\r\n`;

type Cells = Readonly<Record<(typeof COLUMNS)[number], string | number>>;

/** Formats a row as a line of CSV (RFC 4180). */
export function formatCsv(row: ExportedUsage): string {
  const cells = toCells(row);
  return `${COLUMNS.map((column) => quoteCell(cells[column])).join(',')}\r\n`;
}

/** Formats a row as a line of JSON. Its fields are in the order of the CSV. */
export function formatJson(row: ExportedUsage): string {
  return `${JSON.stringify(toCells(row))}\n`;
}

function toCells(row: ExportedUsage): Cells {
  const { accountId, keyId, planId, route, allowed, rateLimited, quotaExceeded, denied, hits, corrects } = row;
  return {
    account: nameResource('accounts', accountId),
    api_key: nameResource('apiKeys', keyId),
    plan: nameResource('plans', planId),
    route,
    allowed,
    rate_limited: rateLimited,
    quota_exceeded: quotaExceeded,
    denied,
    hits,
    corrects,
  };
}

function nameResource(collection: string, id: string): string {
  return id === '' ? '' : `${collection}/${id}`;
}

/** Spreadsheets take a text that begins with =, +, - or @ for a formula. A client may choose the route. */
function quoteCell(cell: string | number): string {
  if (typeof cell === 'number') return String(cell);
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n']/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
