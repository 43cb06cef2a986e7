import type { CountedLimit } from '../../domain/limits/limit.ts';
import type { LimitStatus } from '../../domain/limits/limit-status.ts';
import { HeaderTemplateSet } from './header-template-set.ts';
import type { HeaderWriter } from './header-writer.ts';

/** With more limits, their numbers could have too many combinations of digit counts, each with its own template. */
const MAX_TEMPLATE_LIMITS = 4;

/** Creating templates costs as much as writing fifty responses, so sets are kept rather than replaced. */
const MAX_LISTS_PER_LIMIT = 16;

interface CachedList {
  readonly limits: readonly CountedLimit[];
  readonly templates: HeaderTemplateSet;
}

/** Header templates for every list of limits that requests are charged together. */
export class HeaderTemplateCache {
  readonly #headers: HeaderWriter;
  readonly #field: number;
  /**
   * By the last limit of a list, by identity. The lists that end with it are as many as the combinations in which its
   * rule is matched with others.
   */
  readonly #listsByLastLimit = new WeakMap<CountedLimit, CachedList[]>();

  constructor(headers: HeaderWriter, field: number) {
    this.#headers = headers;
    this.#field = field;
  }

  /** Finds or creates the templates for these limits in this order; undefined where there would be too many. */
  templatesFor(statuses: readonly LimitStatus[]): HeaderTemplateSet | undefined {
    const last = statuses[statuses.length - 1]?.limit;
    if (last === undefined || statuses.length > MAX_TEMPLATE_LIMITS) return undefined;
    let lists = this.#listsByLastLimit.get(last);
    if (lists === undefined) {
      lists = [];
      this.#listsByLastLimit.set(last, lists);
    }
    for (const list of lists) if (hasLimits(list, statuses)) return list.templates;
    if (lists.length >= MAX_LISTS_PER_LIMIT) return undefined;
    const templates = new HeaderTemplateSet(this.#headers, this.#field);
    lists.push({ limits: statuses.map(({ limit }) => limit), templates });
    return templates;
  }
}

function hasLimits({ limits }: CachedList, statuses: readonly LimitStatus[]): boolean {
  if (limits.length !== statuses.length) return false;
  for (let index = 0; index < limits.length; index++) if (limits[index] !== statuses[index]?.limit) return false;
  return true;
}
