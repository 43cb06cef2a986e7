/** A fault of a field of the request. */
export interface FieldViolation {
  /** As in the proto, such as `plan.limits[0].window`. */
  readonly field: string;
  readonly description: string;
}

/** A call that failed. */
export class ApiError extends Error {
  /** Connect's code, such as `not_found`; `network`: Weir did not answer. */
  readonly code: string;
  /** Weir's reason, such as `INVALID_FIELDS`; empty: none. */
  readonly reason: string;
  readonly violations: readonly FieldViolation[];
  /** How long to wait before a retry; undefined: Weir did not say. */
  readonly retryAfterSeconds: number | undefined;

  constructor(message: string, parts: Partial<Pick<ApiError, 'code' | 'reason' | 'violations' | 'retryAfterSeconds'>>) {
    super(message);
    this.code = parts.code ?? 'unknown';
    this.reason = parts.reason ?? '';
    this.violations = parts.violations ?? [];
    this.retryAfterSeconds = parts.retryAfterSeconds;
  }
}

/** The parts of Connect's error that the console reads. */
interface ErrorBody {
  readonly code?: string;
  readonly message?: string;
  readonly details?: readonly {
    readonly type: string;
    readonly debug?: { readonly reason?: string; readonly fieldViolations?: readonly FieldViolation[] };
  }[];
}

/** Reads the error of a response whose status is not 2xx. */
export async function readApiError(response: Response): Promise<ApiError> {
  const { code, message, details = [] } = await readBody(response);
  const find = (type: string) => details.find((detail) => detail.type === type)?.debug;
  const retryAfter = response.headers.get('retry-after');
  return new ApiError(message ?? `Weir answered ${response.status} ${response.statusText}`, {
    code: code ?? 'unknown',
    reason: find('google.rpc.ErrorInfo')?.reason ?? '',
    violations: find('google.rpc.BadRequest')?.fieldViolations ?? [],
    retryAfterSeconds: retryAfter === null ? undefined : Number(retryAfter),
  });
}

/** A proxy in front of Weir may answer with something else than JSON. */
async function readBody(response: Response): Promise<ErrorBody> {
  try {
    return (await response.json()) as ErrorBody;
  } catch {
    return {};
  }
}
