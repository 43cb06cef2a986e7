import { readLines, writeLines } from '../../format/lines.ts';
import type { LimitJson } from '../../generated/weir/admin/v1/limit_pb.js';

/** A limit as it is typed. Empty texts leave a field out. */
export interface LimitForm {
  readonly name: string;
  readonly requests: string;
  readonly window: string;
  readonly algorithm: string;
  readonly burst: string;
  readonly blockFor: string;
  readonly onStoreFailure: string;
  readonly timeZone: string;
  readonly anchorDay: string;
  /** One per line. */
  readonly routes: string;
  readonly per: string;
  /** Numbers, separated by spaces or commas. */
  readonly notifyAt: string;
  readonly metadataKey: string;
  readonly lease: boolean;
  readonly settle: boolean;
  readonly chargeRejected: boolean;
}

/** Reads a limit into a form. */
export function toLimitForm(limit: LimitJson): LimitForm {
  return {
    name: limit.name ?? '',
    requests: writeNumber(limit.requests),
    window: limit.window ?? '',
    algorithm: limit.algorithm ?? '',
    burst: writeNumber(limit.burst),
    blockFor: limit.blockFor ?? '',
    onStoreFailure: limit.onStoreFailure ?? '',
    timeZone: limit.timeZone ?? '',
    anchorDay: writeNumber(limit.anchorDay),
    routes: writeLines(limit.routes),
    per: limit.per ?? '',
    notifyAt: (limit.notifyAt ?? []).join(', '),
    metadataKey: limit.metadataKey ?? '',
    lease: limit.lease ?? false,
    settle: limit.settle ?? false,
    chargeRejected: limit.chargeRejected ?? false,
  };
}

/** Reads a limit from a form. Weir answers what is missing or wrong. */
export function toLimit(form: LimitForm): LimitJson {
  const { requests, burst, anchorDay, routes, notifyAt, ...same } = form;
  return {
    ...same,
    ...(requests !== '' && { requests: Number(requests) }),
    ...(burst !== '' && { burst: Number(burst) }),
    ...(anchorDay !== '' && { anchorDay: Number(anchorDay) }),
    routes: readLines(routes),
    notifyAt: (notifyAt.match(/\d+/g) ?? []).map(Number),
  };
}

function writeNumber(value: number | undefined): string {
  return value === undefined ? '' : String(value);
}
