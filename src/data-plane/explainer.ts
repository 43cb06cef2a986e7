import { type ExplainContext, explainCheck, explainRateLimit } from '../decide/explain/explain.ts';
import { explainCredential } from '../decide/explain/explain-credential.ts';
import type { Catalog, KeyRecord } from '../decide/ports.ts';
import type { RateLimitVerdict } from '../decide/rate-limit/rate-limit-verdict.ts';
import { ApiError, invalidArgument } from '../domain/api-error.ts';
import { findApiKeyFault, isApiKey } from '../domain/credentials/api-key.ts';
import { hasImportedKeyLength } from '../domain/credentials/imported-key.ts';
import { DENIALS, type DenialCode } from '../domain/denial.ts';
import type { Explain, ExplainedLimit, Explanation } from '../domain/explanation.ts';
import { PLANS_DOMAIN } from '../domain/rules/reserved-domains.ts';
import { type CheckExtraction, prepareCheckExtraction } from '../envoy/check/check-extraction.ts';
import { decodeCheckRequest } from '../envoy/check/check-request.ts';
import { decodeRateLimitRequest } from '../envoy/rate-limit/rate-limit-request.ts';
import { InvalidRequest } from '../envoy/wire/decode-message.ts';
import type { DecisionContext } from './decision-methods.ts';
import { labelVerdict } from './encode-verdict.ts';

const NO_IDENTITY = { keyId: undefined, accountId: undefined, planId: undefined };

/** Creates the function that explains decisions. It uses the same code and the same state as the decisions themselves. */
export function createExplainer(parts: ExplainContext & DecisionContext): Explain {
  const { catalog } = parts;
  const extraction = prepareCheckExtraction(parts.requests, parts.routes);
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
        const { secret } = question;
        const key = isApiKey(secret) ? catalog.keyBySecret(secret) : catalog.importedKeyBySecret(secret);
        return explainKey(key, parts, () => withoutDescriptors(explainUnknownSecret(secret, catalog)));
      }
    }
  };
}

async function explainRateLimitMessage(message: Uint8Array, parts: ExplainContext): Promise<Explanation> {
  const question = decodePart('rate_limit', () => decodeRateLimitRequest(message));
  const { verdict, descriptors, limits } = await explainRateLimit(question, parts, Date.now());
  const credentialFault = explainRejection(verdict);
  return { ...NO_IDENTITY, answer: labelVerdict(verdict), credentialFault, descriptors, limits };
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
    credentialFault: explainCredential(question, identity, parts.catalog, parts.tokens.ownIssuer),
    descriptors,
    limits,
  };
}

/** Explains why the catalog, and no limit, rejects a request. undefined: it does not. */
function explainRejection(verdict: RateLimitVerdict): string | undefined {
  if (verdict.kind !== 'rate_limit' || verdict.rejectionCode === undefined) return undefined;
  const { rejectionCode, configurationFault, retryAfterSeconds } = verdict;
  if (configurationFault !== undefined) return `${configurationFault.name}: ${configurationFault.description}`;
  const wait = retryAfterSeconds === undefined ? '' : ` (for ${retryAfterSeconds} s)`;
  return `${rejectionCode}: ${DENIALS[rejectionCode].message}${wait}`;
}

/** Explains a request that the key would send: one hit on the limits that the domain `plans` charges for it. */
async function explainKey(
  key: KeyRecord | undefined,
  parts: ExplainContext,
  explainUnknown: () => Explanation,
): Promise<Explanation> {
  if (key === undefined) return explainUnknown();
  const descriptor = { entries: [{ key: 'api_key', value: key.id }], hits: 1, isRefund: false };
  const question = { domain: PLANS_DOMAIN, descriptors: [descriptor] };
  const { verdict, limits } = await explainRateLimit(question, parts, Date.now());
  const rejectionCode = verdict.kind === 'rate_limit' ? verdict.rejectionCode : undefined;
  return {
    ...withoutDescriptors(rejectionCode ?? labelVerdict(verdict), limits),
    keyId: key.id,
    accountId: key.accountId,
    planId: key.planId,
  };
}

/** The code with which Check denies a secret in x-api-key that is no key of the catalog. */
function explainUnknownSecret(secret: string, { hasImportedKeys }: Catalog): DenialCode {
  if (isApiKey(secret)) return 'unknown_credential';
  const mayBeImported = hasImportedKeys && hasImportedKeyLength(secret) && findApiKeyFault(secret) === 'prefix';
  return mayBeImported ? 'unknown_credential' : 'malformed_credential';
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
