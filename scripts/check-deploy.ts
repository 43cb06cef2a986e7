// npm run check:deploy: checks everything in deploy/, the npm package and the image with the tools that read them. With
// `-- --update`, writes the golden files of the chart instead of comparing them. With `-- --without-builds`, leaves out
// what takes minutes: the build of the image, and of Helm unless it is built.
import { isGoToolBuilt } from '../provision/programs/go-tools.ts';
import { chartChecks } from './deploy/check-chart.ts';
import { monitoringChecks } from './deploy/check-monitoring.ts';
import { packageChecks } from './deploy/check-package.ts';
import { imageChecks } from './deploy/image/check-image.ts';
import { CheckNotRun, type DeployCheck, runChecks } from './deploy/run-checks.ts';
import { runTool, ToolFailed } from './deploy/run-tool.ts';

/** EX_TEMPFAIL of sysexits.h: the schemas cannot be downloaded. */
const EXIT_CODE_UNAVAILABLE = 75;
const isUpdate = process.argv.includes('--update');
const isWithoutBuilds = process.argv.includes('--without-builds');
const hasHelm = isGoToolBuilt('helm') || !isWithoutBuilds;
const manifestCheck: DeployCheck = {
  name: 'manifests and the objects of the chart, by their schemas',
  run: async () => {
    // Downloads the schemas, perhaps through a proxy whose authority only the system knows.
    await runTool(process.execPath, '--use-system-ca', 'scripts/deploy/manifests/check-manifests.mjs').catch(
      (error: unknown) => {
        if (error instanceof ToolFailed && error.exitCode === EXIT_CODE_UNAVAILABLE)
          throw new CheckNotRun(error.message);
        throw error;
      },
    );
  },
};
const checks: readonly DeployCheck[] = [
  manifestCheck,
  ...monitoringChecks(),
  ...packageChecks(),
  ...imageChecks(!isWithoutBuilds),
  ...(hasHelm ? chartChecks(isUpdate) : []),
];
if (isWithoutBuilds) console.log('not run  the image, built and started with a read-only root: npm run check:deploy');
if (!hasHelm) console.log('not run  checks of the chart with Helm, which is not built: npm run check:deploy');
process.exitCode = (await runChecks(checks)) ? 0 : 1;
