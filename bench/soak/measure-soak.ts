import { setTimeout as sleep } from 'node:timers/promises';
import { LoadRecorder } from '../load/load-recorder.ts';
import { readHeapMb } from '../processes/heap-inspector.ts';
import { readResidentKb } from '../processes/process-usage.ts';
import type { Weir } from '../servers/start-weir.ts';
import { OpenLoop, type RequestCycle } from './open-loop.ts';
import { INTERVALS, INTERVALS_PER_THIRD, type SoakResult, type SoakRow } from './soak-results.ts';

export interface Soak {
  readonly weir: Weir;
  /** Port of the inspector of the control process. That of the process that decides is the next one. */
  readonly inspectorPort: number;
  readonly cycles: readonly RequestCycle[];
  readonly callsPerSecond: number;
  readonly minutes: number;
}

const SAMPLE_MS = 500;

/** Keeps the load up for some minutes, and measures each fifteenth of that time. */
export async function measureSoak(soak: Soak): Promise<SoakResult> {
  const { weir, cycles, callsPerSecond, minutes } = soak;
  const countedBefore = await readDecisions(weir.httpPort);
  const load = new OpenLoop(weir.decisionPort, cycles, callsPerSecond);
  const sending = load.start();
  const rows: SoakRow[] = [];
  let answered = 0;
  for (let interval = 1; interval <= INTERVALS; interval++) {
    const recorder = new LoadRecorder();
    load.recorder = recorder;
    const { decisionMb, controlMb } = await sampleMemory(weir, (minutes * 60_000) / INTERVALS);
    if (interval === INTERVALS) {
      await load.stop();
      await sending;
    }
    const { p50, p99, errors, lastError } = recorder.summarize();
    if (errors > 0) process.stderr.write(`soak: ${errors} calls failed: ${lastError}\n`);
    const isEndOfThird = interval % INTERVALS_PER_THIRD === 0;
    const inUseMb = isEndOfThird ? await readInUse(soak.inspectorPort) : null;
    rows.push({ calls: recorder.calls, p50, p99, decisionMb, controlMb, inUseMb });
    answered += recorder.ok;
    process.stderr.write(`soak: ${interval}/${INTERVALS}, p99 ${p99.toFixed(2)} ms, ${decisionMb.toFixed(1)} MB\n`);
  }
  const counted = (await readDecisions(weir.httpPort)) - countedBefore;
  return { rows, callsPerSecond, sent: load.sent, answered, counted };
}

/** Waits, and returns the highest resident memory of both processes meanwhile. */
async function sampleMemory({ pids: [control, decision] }: Weir, milliseconds: number) {
  const endsAt = performance.now() + milliseconds;
  let [decisionMb, controlMb] = [0, 0];
  while (performance.now() < endsAt) {
    decisionMb = Math.max(decisionMb, readResidentKb(decision) / 1024);
    controlMb = Math.max(controlMb, readResidentKb(control) / 1024);
    await sleep(Math.min(SAMPLE_MS, Math.max(0, endsAt - performance.now())));
  }
  return { decisionMb, controlMb };
}

async function readInUse(inspectorPort: number): Promise<number> {
  return (await readHeapMb(inspectorPort)) + (await readHeapMb(inspectorPort + 1));
}

/** The sum of all series of `weir_decisions_total`. */
async function readDecisions(httpPort: number): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  const values = [...metrics.matchAll(/^weir_decisions_total\{.*\} (\d+)$/gm)];
  return values.reduce((sum, [, value]) => sum + Number(value), 0);
}
