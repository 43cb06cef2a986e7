// npm run accuracy: counts the wrong grants and wrong rejections of Weir and of other limiters on the same trace, and
// writes its section of docs/guarantees.md.
import { writeFileSync } from 'node:fs';
import { describeMachine } from '../report/machine.ts';
import { writeMarkedSection } from '../report/marked-section.ts';
import { formatAccuracyReport, renderAccuracyChart } from './accuracy-report.ts';
import { type Evaluation, evaluateLimiter, sumCounts } from './evaluate-limiter.ts';
import { LIMITERS, WEIR } from './limiters.ts';
import { createTrace } from './trace.ts';

const SEED = 1;
/** Requests a minute. For the first two, Weir keeps the time of every hit; for the other two, it keeps sub-buckets. */
const LIMITS = [20, 60, 100, 1000];
const DOCS = new URL('../../docs/', import.meta.url);

const trace = createTrace(SEED);
const evaluations: Evaluation[] = [];
for (const limit of LIMITS) {
  for (const limiter of LIMITERS) {
    const evaluation = await evaluateLimiter(limiter, limit, trace);
    evaluations.push(evaluation);
    const { wronglyGranted, wronglyRejected } = sumCounts(evaluation.countsByBand);
    process.stderr.write(
      `accuracy: ${limit} a minute, ${limiter.name}: ${wronglyGranted} wrongly granted, ` +
        `${wronglyRejected} wrongly rejected, in ${evaluation.seconds.toFixed(0)} s\n`,
    );
  }
}
const report = formatAccuracyReport(evaluations, 'npm run accuracy', describeMachine());
writeMarkedSection(new URL('guarantees.md', DOCS), 'accuracy', report);
writeFileSync(new URL('accuracy.svg', DOCS), renderAccuracyChart(evaluations));
process.stdout.write(`${report}\n`);
for (const { limiter, limit, countsByBand } of evaluations) {
  if (limiter !== WEIR || sumCounts(countsByBand).wronglyGranted === 0) continue;
  process.stderr.write(`accuracy: Weir granted more than ${limit} in a window\n`);
  process.exitCode = 1;
}
