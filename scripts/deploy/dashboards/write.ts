// npm run dashboards: writes deploy/helm/weir/monitoring/dashboards/*.json.
import { writeFileSync } from 'node:fs';
import { DASHBOARDS } from './all-dashboards.ts';
import { renderDashboard } from './render.ts';

for (const dashboard of DASHBOARDS) {
  writeFileSync(`deploy/helm/weir/monitoring/dashboards/${dashboard.name}.json`, renderDashboard(dashboard));
}
