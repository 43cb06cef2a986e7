// npm run accuracy: wrong grants and wrong refusals of Weir and of what else is used, on one trace. See docs/guarantees.md.
import { writeFileSync } from 'node:fs';
import { describeMachine } from '../report/machine.ts';
import { writeMarkedPart } from '../report/marked-section.ts';
import { type Judged, judge, sumOf } from './evaluate-limiter.ts';
import { LIMITERS } from './limiters.ts';
import { accuracyPlot, accuracyText } from './report.ts';
import { makeTrace } from './trace.ts';

const SEED = 1;
/** In a minute: two whose hits' times Weir keeps, two of which it keeps sub-buckets. */
const LIMITS = [20, 60, 100, 1000];
const docs = new URL('../../docs/', import.meta.url);

const trace = makeTrace(SEED);
const all: Judged[] = [];
for (const limit of LIMITS) {
  for (const limiter of LIMITERS) {
    const judged = await judge(limiter, limit, trace);
    all.push(judged);
    const { wronglyGranted, wronglyRefused } = sumOf(judged.counts);
    process.stderr.write(
      `accuracy: ${limit} a minute, ${limiter.name}: ${wronglyGranted} granted and ${wronglyRefused} refused wrongly, ` +
        `in ${judged.seconds.toFixed(0)} s\n`,
    );
  }
}
const text = accuracyText(all, 'npm run accuracy', describeMachine());
writeMarkedPart(new URL('guarantees.md', docs), 'accuracy', text);
writeFileSync(new URL('accuracy.svg', docs), accuracyPlot(all));
process.stdout.write(`${text}\n`);
const broken = all.filter(({ limiter, counts }) => limiter === 'Weir' && sumOf(counts).wronglyGranted > 0);
for (const { limit } of broken) process.stderr.write(`accuracy: Weir granted more than ${limit} in a window\n`);
if (broken.length > 0) process.exitCode = 1;
