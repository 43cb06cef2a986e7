// npm run dashboards: writes deploy/monitoring/dashboards/*.json.
import { writeFileSync } from 'node:fs';
import { DASHBOARDS } from './all-dashboards.ts';
import { renderDashboard } from './render.ts';

for (const dashboard of DASHBOARDS) {
  writeFileSync(`deploy/monitoring/dashboards/${dashboard.name}.json`, renderDashboard(dashboard));
}
