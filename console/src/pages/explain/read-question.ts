import type { ExplainRequestJson } from '../../generated/weir/admin/v1/explain_service_pb.js';
import { readCurl } from './read-curl.ts';

/** A pasted text, as a request to ExplainService. */
export interface Question {
  /** How the text was read, such as `a curl line`. */
  readonly readAs: string;
  readonly request: ExplainRequestJson;
  /** Whether the text may be part of a link: it contains no credential. */
  readonly isLinkable: boolean;
}

const API_KEY_NAME = /^apiKeys\/\S+$/;
/** The domain whose descriptors can contain secrets of API keys. */
const PLANS = 'plans';
/** API keys, refresh tokens, one-time tokens and JWTs by their beginnings, and the header `authorization` by its schemes. */
const CREDENTIAL = /\b(?:wk|wr|wo)_|eyJ|\b(?:basic|bearer)\b/i;

/**
 * Reads what people have at hand: a curl line, a request as JSON, the name or the secret of an API key, or descriptors as
 * `weir explain` takes them (`DOMAIN KEY=VALUE,… …`). Throws an Error that says what was expected.
 */
export function readQuestion(text: string): Question {
  const trimmed = text.trim();
  if (/^curl\s/.test(trimmed)) {
    return { readAs: 'a curl line', request: { check: readCurl(trimmed) }, isLinkable: false };
  }
  if (trimmed.startsWith('{')) return readJson(trimmed);
  if (API_KEY_NAME.test(trimmed)) return { readAs: 'an API key', request: { apiKey: trimmed }, isLinkable: true };
  if (/\s/.test(trimmed)) return readDescriptors(trimmed);
  return { readAs: 'the secret of an API key', request: { secret: trimmed }, isLinkable: false };
}

function readJson(text: string): Question {
  const json: unknown = JSON.parse(text);
  if (typeof json !== 'object' || json === null) throw new Error('must be a JSON object');
  if ('attributes' in json) {
    return { readAs: 'a CheckRequest', request: { check: json } as ExplainRequestJson, isLinkable: false };
  }
  if ('domain' in json || 'descriptors' in json) {
    const isLinkable = 'domain' in json && json.domain !== PLANS && !CREDENTIAL.test(text);
    return { readAs: 'a RateLimitRequest', request: { rateLimit: json } as ExplainRequestJson, isLinkable };
  }
  return { readAs: 'an ExplainRequest', request: json as ExplainRequestJson, isLinkable: false };
}

function readDescriptors(text: string): Question {
  const [domain = '', ...descriptors] = text.split(/\s+/);
  return {
    readAs: descriptors.length === 1 ? 'a descriptor' : `${descriptors.length} descriptors`,
    request: { rateLimit: { domain, descriptors: descriptors.map((entries) => ({ entries: readEntries(entries) })) } },
    isLinkable: domain !== PLANS && !CREDENTIAL.test(text),
  };
}

/** Commas separate entries. `\,` is a comma within a value. */
function readEntries(text: string) {
  return text.split(/(?<!\\),/).map((entry) => {
    const equals = entry.indexOf('=');
    if (equals < 1) throw new Error(`${entry}: must be KEY=VALUE`);
    return { key: entry.slice(0, equals), value: entry.slice(equals + 1).replaceAll('\\,', ',') };
  });
}
