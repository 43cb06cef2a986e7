import { limits } from './limits.ts';
import { overview } from './overview.ts';
import type { Dashboard } from './panel.ts';
import { stores } from './stores.ts';
import { tenants } from './tenants.ts';

/** Every dashboard in deploy/helm/weir/monitoring/dashboards/. */
export const DASHBOARDS: readonly Dashboard[] = [overview, limits, tenants, stores];
