import { limits } from './limits.ts';
import { overview } from './overview.ts';
import type { Dashboard } from './panel.ts';
import { stores } from './stores.ts';
import { tenants } from './tenants.ts';

/** The folder of their files. */
export const DASHBOARD_FOLDER = 'deploy/helm/weir/monitoring/dashboards';

/** Every dashboard. */
export const DASHBOARDS: readonly Dashboard[] = [overview, limits, tenants, stores];
