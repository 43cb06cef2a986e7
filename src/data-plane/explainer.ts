import { type ExplainContext, explainCheck, explainRateLimit } from '../decide/explain/explain.ts';
import type { KeyRecord } from '../decide/ports.ts';
import { PLANS_DOMAIN } from '../decide/rate-limit/prepare-rate-limit.ts';
import { ApiError, invalidArgument } from '../domain/api-error.ts';
import { isApiKey, keyStatus } from '../domain/credentials/api-key.ts';
import type { Explain, ExplainedLimit, Explanation } from '../domain/explanation.ts';
import { type CheckExtraction, decodeCheckRequest, prepareCheckExtraction } from '../envoy/check/check-request.ts';
import { decodeRateLimitRequest } from '../envoy/rate-limit/rate-limit-request.ts';
import { InvalidRequest } from '../envoy/wire/decode-message.ts';
import type { DecisionContext } from './decision-methods.ts';
import { labelVerdict } from './encode-verdict.ts';

const NO_IDENTITY = { keyId: undefined, accountId: undefined, planId: undefined };

/** Creates the function that explains decisions. It uses the same code and the same state as the decisions themselves. */
export function createExplainer(parts: ExplainContext & DecisionContext): Explain {
  const { catalog } = parts;
  const extraction = prepareCheckExtraction(parts.requests);
  return (question) => {
    switch (question.kind) {
      case 'rate_limit':
        return explainRateLimitMessage(question.message, parts);
      case 'check':
        return explainCheckMessage(question.message, extraction, parts);
      case 'api_key':
        return explainKey(catalog.key(question.id), parts, () => {
          throw new ApiError({ kind: 'not_found', name: `apiKeys/${question.id}` });
        });
      case 'secret': {
        const isKey = isApiKey(question.secret);
        const key = isKey ? catalog.keyBySecret(question.secret) : undefined;
        return explainKey(key, parts, () => withoutDescriptors(isKey ? 'unknown_credential' : 'malformed_credential'));
      }
    }
  };
}

async function explainRateLimitMessage(message: Uint8Array, parts: ExplainContext): Promise<Explanation> {
  const question = decodePart('rate_limit', () => decodeRateLimitRequest(message));
  const { verdict, descriptors, limits } = await explainRateLimit(question, parts, Date.now());
  return { ...NO_IDENTITY, answer: labelVerdict(verdict), descriptors, limits };
}

async function explainCheckMessage(
  message: Uint8Array,
  extraction: CheckExtraction,
  parts: ExplainContext & DecisionContext,
): Promise<Explanation> {
  const question = decodePart('check', () => decodeCheckRequest(message, extraction));
  const { verdict, identity, descriptors, limits } = await explainCheck(question, parts, Date.now());
  const authenticated = identity.kind === 'authenticated' ? identity : undefined;
  return {
    answer: labelVerdict(verdict),
    keyId: authenticated?.keyId,
    accountId: authenticated?.credential.accountId,
    planId: authenticated?.planId,
    descriptors,
    limits,
  };
}

/** Explains a request that the key would send: one hit on the limits that the domain `plans` charges for it. */
async function explainKey(
  key: KeyRecord | undefined,
  parts: ExplainContext,
  explainUnknown: () => Explanation,
): Promise<Explanation> {
  if (key === undefined) return explainUnknown();
  const now = Date.now();
  const descriptor = { entries: [{ key: 'api_key', value: key.id }], hits: 1, isRefund: false };
  const question = { domain: PLANS_DOMAIN, descriptors: [descriptor] };
  const { verdict, limits } = await explainRateLimit(question, parts, now);
  const status = keyStatus(key, now);
  return {
    ...withoutDescriptors(status === 'valid' ? labelVerdict(verdict) : `${status}_credential`, limits),
    keyId: key.id,
    accountId: key.accountId,
    planId: key.planId,
  };
}

function withoutDescriptors(answer: string, limits: readonly ExplainedLimit[] = []): Explanation {
  return { ...NO_IDENTITY, answer, descriptors: [], limits };
}

/**
 * Decodes the message in `field` of the question. Turns InvalidRequest into an ApiError, in which the message's own field
 * follows `field`.
 */
function decodePart<Message>(field: string, decode: () => Message): Message {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof InvalidRequest)) throw error;
    const [, subfield = '', description = error.message] = /^([\w.[\]]+): (.*)$/s.exec(error.message) ?? [];
    throw invalidArgument({ field: subfield === '' ? field : `${field}.${subfield}`, description });
  }
}
