import { parentPort, workerData } from 'node:worker_threads';
import type { Issuer } from '../../domain/issuers/issuer.ts';
import { describeRequestError } from '../../outbound/pinned-request.ts';
import { fetchKeySet } from './fetch-key-set.ts';
import { RemoteKeySet } from './remote-key-set.ts';
import { TokenValidator } from './token-validator.ts';
import type { TokenWorkerSettings } from './token-worker-host.ts';
import type { JobResult, MessageFromWorker, MessageToWorker } from './worker-messages.ts';

// The entry of the thread that token-worker-host.ts starts.
if (parentPort === null) throw new Error('token-worker.ts: must run in a worker thread');
const port = parentPort;
const settings = workerData as TokenWorkerSettings; // as token-worker-host.ts starts it

/** Key sets of external issuers. Fetched keys stay while only other signers change. */
let remoteKeySets = new Map<string, RemoteKeySet>();
/** Results of this turn of the event loop. */
let unsentResults: JobResult[] = [];
const validator = new TokenValidator(getOrCreateKeySet);

port.on('message', (message: MessageToWorker) => {
  if (message.kind === 'trust') {
    remoteKeySets = new Map(
      message.issuers
        .filter(({ keys }) => keys.kind !== 'static')
        .map((issuer) => [identifyKeySet(issuer), getOrCreateKeySet(issuer)]),
    );
    validator.setTrust(message);
    return;
  }
  for (const job of message.jobs) void validator.validate(job).then((result) => sendResult({ id: job.id, result }));
});

function getOrCreateKeySet(issuer: Issuer): RemoteKeySet {
  return remoteKeySets.get(identifyKeySet(issuer)) ?? createKeySet(issuer);
}

function identifyKeySet({ id, issuer, aliases, keys, insecureHttp }: Issuer): string {
  return JSON.stringify([id, issuer, aliases, keys, insecureHttp]);
}

function createKeySet(issuer: Issuer): RemoteKeySet {
  return new RemoteKeySet({
    fetch: () => fetchKeySet(issuer, settings),
    now: () => performance.now(),
    onFetched: () => send({ kind: 'keys_fetched', issuerId: issuer.id }),
    onFetchFailed: (error) =>
      send({ kind: 'key_fetch_failed', issuerId: issuer.id, problem: describeRequestError(error) }),
  });
}

/** Sends one message with all results of this turn. */
function sendResult(result: JobResult): void {
  if (unsentResults.push(result) > 1) return;
  setImmediate(() => {
    const results = unsentResults;
    unsentResults = [];
    send({ kind: 'results', results });
  });
}

function send(message: MessageFromWorker): void {
  port.postMessage(message);
}
