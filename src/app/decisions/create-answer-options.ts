import type { Config } from '../../config/config.ts';
import type { CallBatchOptions } from '../../data-plane/call-batch.ts';
import { PublishedLimits, type UnpublishedLimit } from '../../envoy/check/published-limits.ts';
import type { Logger } from '../../interfaces/logger.ts';

/** Creates what the data plane needs to answer decisions as configured. */
export function createAnswerOptions(
  { rateLimitHeaders, checkErrors, shadowMode, errorFormat, publishesLimits }: Config['answers'],
  log: Logger,
): CallBatchOptions['answers'] {
  const warn = ({ owner = 'keys and tokens', name, windowSeconds }: UnpublishedLimit) =>
    log.warn(
      { owner, limit: name, window_seconds: windowSeconds },
      'a limit is not in the dynamic metadata: Envoy reads only windows of one second, minute, hour, day, month or year',
    );
  const publishedLimits = publishesLimits ? new PublishedLimits(warn) : undefined;
  return { rateLimitHeaders, checkErrors, shadowMode, errorFormat, publishedLimits };
}
