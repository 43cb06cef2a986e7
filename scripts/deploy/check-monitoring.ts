import { readdirSync } from 'node:fs';
import path from 'node:path';
import { findDebianProgram } from '../../provision/programs/find-debian-program.ts';
import type { DeployCheck } from './run-checks.ts';
import { runTool } from './run-tool.ts';

const FOLDER = path.join('deploy', 'monitoring');

/** Checks of deploy/monitoring: the tools of Prometheus read its files, and each alert passes its tests. */
export function monitoringChecks(): readonly DeployCheck[] {
  const promtool = async (...args: string[]) => {
    await runTool(await findDebianProgram('promtool'), ...args);
  };
  const tests = readdirSync(path.join(FOLDER, 'tests'));
  return [
    {
      name: 'promtool check config deploy/monitoring/prometheus.yaml',
      run: () => promtool('check', 'config', path.join(FOLDER, 'prometheus.yaml')),
    },
    ...tests.map((file) => ({
      name: `promtool test rules deploy/monitoring/tests/${file}`,
      run: () => promtool('test', 'rules', path.join(FOLDER, 'tests', file)),
    })),
    {
      name: 'amtool check-config deploy/monitoring/alertmanager.yaml',
      run: async () => {
        await runTool(await findDebianProgram('amtool'), 'check-config', path.join(FOLDER, 'alertmanager.yaml'));
      },
    },
  ];
}
