import { type ExplainParts, explainCheck, explainRateLimit } from '../decide/explain/explain.ts';
import type { KeyRecord } from '../decide/ports.ts';
import { PLANS_DOMAIN } from '../decide/rate-limit/prepare-rate-limit.ts';
import { ApiError, invalidArgument } from '../domain/api-error.ts';
import { keyStatus } from '../domain/credentials/key-status.ts';
import type { Explain, ExplainedLimit, Explanation } from '../domain/rules/explanation.ts';
import { checkReading, decodeCheckRequest } from '../envoy/check/check-request.ts';
import { decodeRateLimitRequest } from '../envoy/rate-limit/rate-limit-request.ts';
import { InvalidRequest } from '../envoy/wire/decode-message.ts';
import { answerOf, type DecisionContext } from './decision-methods.ts';

const NOBODY = { keyId: undefined, accountId: undefined, planId: undefined };

/** Explains by what the decisions themselves go by. */
export function explainer(parts: ExplainParts & DecisionContext): Explain {
  const { catalog, isApiKey } = parts;
  const reading = checkReading(parts.requests);
  return (question) => {
    switch (question.kind) {
      case 'rate_limit':
        return rateLimit(question.message, parts);
      case 'check':
        return check(question.message, reading, parts);
      case 'api_key':
        return apiKey(catalog.key(question.id), parts, () => {
          throw new ApiError({ kind: 'not_found', name: `apiKeys/${question.id}` });
        });
      case 'secret': {
        const isKey = isApiKey(question.secret);
        const key = isKey ? catalog.keyOfSecret(question.secret) : undefined;
        return apiKey(key, parts, () => answered(isKey ? 'unknown_credential' : 'malformed_credential'));
      }
    }
  };
}

async function rateLimit(message: Uint8Array, parts: ExplainParts): Promise<Explanation> {
  const question = readOrTell('rate_limit', () => decodeRateLimitRequest(message));
  const { verdict, descriptors, limits } = await explainRateLimit(question, parts, Date.now());
  return { ...NOBODY, answer: answerOf(verdict), descriptors, limits };
}

async function check(
  message: Uint8Array,
  reading: ReturnType<typeof checkReading>,
  parts: ExplainParts & DecisionContext,
): Promise<Explanation> {
  const question = readOrTell('check', () => decodeCheckRequest(message, reading));
  const told = await explainCheck(question, parts, Date.now());
  const { verdict, identity, descriptors, limits } = told;
  const known = identity.kind === 'allowed' ? identity : undefined;
  return {
    answer: answerOf(verdict),
    keyId: known?.keyId,
    accountId: known?.credential.accountId,
    planId: known?.planId,
    descriptors,
    limits,
  };
}

async function apiKey(
  key: KeyRecord | undefined,
  parts: ExplainParts,
  unknown: () => Explanation,
): Promise<Explanation> {
  if (key === undefined) return unknown();
  const now = Date.now();
  const descriptor = { entries: [{ key: 'api_key', value: key.id }], hits: 1, isRefund: false };
  const question = { domain: PLANS_DOMAIN, descriptors: [descriptor] };
  const { verdict, limits } = await explainRateLimit(question, parts, now);
  const standing = keyStatus(key, now);
  return {
    ...answered(standing === 'valid' ? answerOf(verdict) : `${standing}_credential`, limits),
    keyId: key.id,
    accountId: key.accountId,
    planId: key.planId,
  };
}

function answered(answer: string, limits: readonly ExplainedLimit[] = []): Explanation {
  return { ...NOBODY, answer, descriptors: [], limits };
}

/** `field`: of the message within the question. */
function readOrTell<Read>(field: string, read: () => Read): Read {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof InvalidRequest)) throw error;
    const [, within = '', description = error.message] = /^([\w.[\]]+): (.*)$/s.exec(error.message) ?? [];
    throw invalidArgument({ field: within === '' ? field : `${field}.${within}`, description });
  }
}
