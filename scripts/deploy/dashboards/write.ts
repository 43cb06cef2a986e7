// npm run dashboards: writes deploy/helm/weir/monitoring/dashboards/*.json.
import { writeFileSync } from 'node:fs';
import { DASHBOARD_FOLDER, DASHBOARDS } from './all-dashboards.ts';
import { renderDashboard } from './render.ts';

for (const dashboard of DASHBOARDS) {
  writeFileSync(`${DASHBOARD_FOLDER}/${dashboard.name}.json`, renderDashboard(dashboard));
}
