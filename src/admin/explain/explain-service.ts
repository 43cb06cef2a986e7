import { invalidArgument } from '../../domain/api-error.ts';
import type { Explain, ExplainQuestion } from '../../domain/explanation.ts';
import { CheckRequest } from '../../generated/envoy/service/auth/v3/external_auth.ts';
import { RateLimitRequest } from '../../generated/envoy/service/ratelimit/v3/rls.ts';
import type { ExplainRequest, ExplainServiceService } from '../../generated/weir/admin/v1/explain_service.ts';
import { type Authenticate, requireAdmin } from '../callers/caller.ts';
import { readTime } from '../fields/common-fields.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { requireResourceName } from '../fields/resource-names.ts';
import type { Handlers } from '../methods/unary-service.ts';
import { toExplainResponse } from './explanation-message.ts';

export interface ExplainServiceOptions {
  readonly explain: Explain;
  readonly authenticate: Authenticate;
}

/** Explains decisions. For administrators only. */
export function createExplainService({
  explain,
  authenticate,
}: ExplainServiceOptions): Handlers<ExplainServiceService> {
  return {
    async explain(request, context) {
      requireAdmin(await authenticate(context));
      return toExplainResponse(await explain(readQuestion(request)));
    },
  };
}

/** Throws `invalid` for a time that cannot be encoded. */
function encodeCheck(check: CheckRequest): Uint8Array {
  const violations = new FieldViolations();
  readTime(violations, 'check.attributes.request.time', check.attributes?.request?.time);
  violations.throwIfAny();
  return CheckRequest.encode(check).finish();
}

function readQuestion({ question }: ExplainRequest): ExplainQuestion {
  switch (question?.$case) {
    case 'rateLimit':
      return { kind: 'rate_limit', message: RateLimitRequest.encode(question.value).finish() };
    case 'check':
      return { kind: 'check', message: encodeCheck(question.value) };
    case 'apiKey':
      return { kind: 'api_key', id: requireResourceName('apiKeys', 'api_key', question.value) };
    case 'secret':
      return { kind: 'secret', secret: question.value };
    case undefined:
      throw invalidArgument({ field: 'question', description: 'must be one of rate_limit, check, api_key, secret' });
  }
}
