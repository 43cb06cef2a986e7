import { parentPort } from 'node:worker_threads';
import type { Issuer } from '../../domain/tokens/issuer.ts';
import { fetchKeySet } from './fetch-key-set.ts';
import { RemoteKeySet } from './remote-key-set.ts';
import { TokenJudge } from './token-validator.ts';
import type { FromWorker, Judged, ToWorker } from './worker-messages.ts';

// The entry of the thread that token-worker-host.ts starts.
if (parentPort === null) throw new Error('token-worker.ts is the entry of a thread');
const port = parentPort;

/** What was fetched is kept when something else of the trust changes. */
let remoteKeys = new Map<string, RemoteKeySet>();
let finished: Judged[] = [];
const judge = new TokenJudge((issuer) => remoteKeys.get(placeOf(issuer)) ?? remoteKeysOf(issuer));

port.on('message', (message: ToWorker) => {
  if (message.kind === 'trust') {
    remoteKeys = new Map(
      message.issuers
        .filter(({ keys }) => keys.kind !== 'static')
        .map((issuer) => [placeOf(issuer), remoteKeys.get(placeOf(issuer)) ?? remoteKeysOf(issuer)]),
    );
    judge.trust(message);
    return;
  }
  for (const job of message.jobs) void judge.judge(job).then((judgement) => finish({ id: job.id, judgement }));
});

function placeOf({ id, issuer, keys }: Issuer): string {
  return JSON.stringify([id, issuer, keys]);
}

function remoteKeysOf(issuer: Issuer): RemoteKeySet {
  return new RemoteKeySet({
    fetch: () => fetchKeySet(issuer),
    now: () => performance.now(),
    onFetched(problem) {
      if (problem !== undefined) send({ kind: 'unfetched', issuerId: issuer.id, problem: messageOf(problem) });
    },
  });
}

/** fetch says "fetch failed" of everything; why is its cause. */
function messageOf(problem: unknown): string {
  if (!(problem instanceof Error)) return String(problem);
  return problem.cause instanceof Error ? `${problem.message}: ${problem.cause.message}` : problem.message;
}

/** One message for all that one turn has finished. */
function finish(judged: Judged): void {
  if (finished.push(judged) > 1) return;
  setImmediate(() => {
    const results = finished;
    finished = [];
    send({ kind: 'results', results });
  });
}

function send(message: FromWorker): void {
  port.postMessage(message);
}
