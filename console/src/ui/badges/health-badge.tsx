import type { GetStatusResponse_HealthJson } from '../../generated/weir/admin/v1/status_service_pb.js';
import { Badge, type Tone } from './badge.tsx';

const TONES: Readonly<Record<GetStatusResponse_HealthJson, Tone>> = {
  HEALTH_UNSPECIFIED: 'neutral',
  HEALTHY: 'good',
  DEGRADED: 'warning',
  UNHEALTHY: 'bad',
};

/** The health of a node or a part. `–` for a part that this node does not have. */
export function HealthBadge({ health }: { readonly health: GetStatusResponse_HealthJson | undefined }) {
  if (health === undefined) return <>–</>;
  return <Badge tone={TONES[health]} text={health.toLowerCase()} />;
}
