import {
  type GetStatusResponse,
  GetStatusResponse_Health as Health,
  type StatusServiceService,
} from '../../generated/weir/admin/v1/status_service.ts';
import { type Authenticate, requireAdmin } from '../callers/caller.ts';
import type { Handlers } from '../methods/unary-service.ts';

/** The state of a node, as `/status` reports it. */
export interface ReportedStatus {
  readonly health: keyof typeof HEALTH;
  readonly parts: readonly { readonly name: string; readonly health: keyof typeof HEALTH; readonly message: string }[];
  readonly reasons: readonly string[];
  readonly version: string;
  readonly role: string;
  /** Time of the start, as in RFC 3339. */
  readonly startTime: string;
}

export interface StatusServiceOptions {
  /** Reads the state of this node. Never rejects. */
  readonly readStatus: () => Promise<ReportedStatus>;
  readonly authenticate: Authenticate;
}

const HEALTH = { healthy: Health.HEALTHY, degraded: Health.DEGRADED, unhealthy: Health.UNHEALTHY };

/** Reports the state of this node. For administrators only. */
export function createStatusService({
  readStatus,
  authenticate,
}: StatusServiceOptions): Handlers<StatusServiceService> {
  return {
    async getStatus(_request, context) {
      requireAdmin(await authenticate(context));
      return toResponse(await readStatus());
    },
  };
}

export function toHealthMessage({ health }: Pick<ReportedStatus, 'health'>): Health {
  return HEALTH[health];
}

export function toPartMessages({ parts }: Pick<ReportedStatus, 'parts'>): GetStatusResponse['parts'] {
  return parts.map((part) => ({ ...part, health: HEALTH[part.health] }));
}

function toResponse(status: ReportedStatus): GetStatusResponse {
  const { reasons, version, role, startTime } = status;
  return {
    health: toHealthMessage(status),
    parts: toPartMessages(status),
    reasons: [...reasons],
    version,
    role,
    startTime: new Date(startTime),
  };
}
