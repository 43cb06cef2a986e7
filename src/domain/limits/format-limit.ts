import type { Limit } from './limit.ts';
import { LIMIT_FIELDS, type LimitSpec, toLimitSpec } from './limit-spec.ts';

/** The limit as one writes it in a rules file, such as `{name: burst, requests: 5, window: 30s}`; nothing is left out. */
export function formatLimit(limit: Limit): string {
  const written: LimitSpec = toLimitSpec(limit);
  const fields = Object.entries(LIMIT_FIELDS).flatMap(([name, field]) => {
    const value = written[field];
    const isSaid = value !== undefined && value !== '' && !(field === 'requests' && value === 0);
    return isSaid ? [`${name}: ${value}`] : [];
  });
  return `{${fields.join(', ')}}`;
}
