import { checkpointPeriod, isCheckpointed } from '../../domain/counting/checkpoint.ts';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import { parseLimitIdentity } from '../../domain/limits/limit-identity.ts';

/** The most that a limit can have, so that what remains of it says how much was used. */
const MAX_REQUESTS = 2 ** 32 - 1;

/** The limits of checkpoints, by their identities. Few, so each is parsed once. */
export class RestorableLimits {
  readonly #limits = new Map<string, CountedLimit | undefined>();

  /**
   * Returns the limit of a checkpoint. It has another number of requests than the limit had, which charging does not need.
   * undefined: the checkpoint is of no use, because its period does not contain `time` (Unix time in µs), or it is of a
   * limit that this version does not know.
   */
  find(
    { identity, periodEnd }: { readonly identity: string; readonly periodEnd: number },
    time: number,
  ): CountedLimit | undefined {
    const limit = this.#limits.has(identity) ? this.#limits.get(identity) : this.#parse(identity);
    return limit !== undefined && checkpointPeriod(limit, time).periodEnd === periodEnd ? limit : undefined;
  }

  #parse(identity: string): CountedLimit | undefined {
    const parsed = parseLimitIdentity(identity, {
      requests: MAX_REQUESTS,
      burst: undefined,
      blockForSeconds: undefined,
    });
    const limit = parsed !== undefined && isCheckpointed(parsed) ? parsed : undefined;
    this.#limits.set(identity, limit);
    return limit;
  }
}
