import { ADMIN_DOMAIN } from '../domain/rules/reserved-domains.ts';
import type { DomainRules, RuleBook } from '../domain/rules/rule-book.ts';
import { parseRules } from './parse/parse-rules.ts';

/** The rules of the domain `admin` where no rules file has this domain. docs/admin-limits.md shows them. */
export const DEFAULT_ADMIN_RULES = `
domain: admin
descriptors:
  - key: method
    value: AuthService/Login
    descriptors:
      - key: remote_address
        rate_limit: {requests: 20, window: 1m}
  - key: method
    value: AuthService/Register
    descriptors:
      - key: remote_address
        rate_limit: {requests: 5, window: 1h}
  - key: method
    value: AuthService/ChangePassword
    descriptors:
      - key: account
        rate_limit: {requests: 5, window: 1h}
  - key: method
    value: AuthService/RequestPasswordReset
    descriptors:
      - key: remote_address
        rate_limit: {requests: 20, window: 1h}
      - key: account
        rate_limit: {requests: 5, window: 1h}
  - key: outcome
    value: wrong_password
    descriptors:
      - key: account
        rate_limit: {requests: 100, window: 15m}
        descriptors:
          - key: remote_address
            rate_limit: {requests: 10, window: 15m}
  - key: outcome
    value: invalid_*
    share_threshold: true
    descriptors:
      - key: remote_address
        rate_limit: {requests: 10, window: 15s, block_for: 60s}
        descriptors:
          - key: device
            rate_limit: {requests: 3, window: 15s, block_for: 60s}
`;

const DEFAULT_DOMAIN = parseDefaults();

/** A book with nothing but the default rules of the domain `admin`. */
export const DEFAULT_ADMIN_BOOK: RuleBook = new Map([[ADMIN_DOMAIN, DEFAULT_DOMAIN]]);

/** Adds the default rules of the domain `admin` to a book without this domain. */
export function withDefaultAdminRules(book: RuleBook): RuleBook {
  return book.has(ADMIN_DOMAIN) ? book : new Map([...book, [ADMIN_DOMAIN, DEFAULT_DOMAIN]]);
}

function parseDefaults(): DomainRules {
  const parsed = parseRules('default rules', DEFAULT_ADMIN_RULES);
  if ('root' in parsed) return parsed.root;
  throw new Error(`the default rules have faults: ${JSON.stringify(parsed)}`);
}
