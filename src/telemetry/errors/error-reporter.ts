import { type BaseTransportOptions, createStackParser, createTransport, type Transport } from '@sentry/core';
import { nodeStackLineParser, ServerRuntimeClient } from '@sentry/core/server';
import { parseErrorLine, toErrorEvent } from './error-event.ts';

/** Reports errors of the log to Sentry. */
export interface ErrorReporter {
  /** Takes a line of the log, and reports it if it is an error. Returns at once and never throws. */
  take(line: string): void;
  /** Waits until all reports are sent or lost, for up to `timeoutMs`. */
  flush(timeoutMs: number): Promise<void>;
}

/** A failing dependency must not cause as many reports as calls. Further errors are in the log only. */
const MAX_REPORTS_PER_MINUTE = 30;
/** Reports that are being sent. Further ones are lost. */
const MAX_IN_FLIGHT = 8;
const TIMEOUT_MS = 5_000;

/** Creates a reporter. Import this file only where there is a DSN: it brings the client along. */
export function createErrorReporter(dsn: string, version: string): ErrorReporter {
  const stackParser = createStackParser(nodeStackLineParser());
  const client = new ServerRuntimeClient({
    dsn,
    release: `weir@${version}`,
    platform: 'node',
    runtime: { name: 'node', version: process.version },
    transport: createFetchTransport,
    stackParser,
    // No integration, no span: only what is given to captureEvent is sent.
    integrations: [],
    traceLifecycle: 'static',
    sendClientReports: false,
  });
  let minute = 0;
  let reports = 0;
  return {
    take(line) {
      const error = parseErrorLine(line);
      if (error === undefined) return;
      const now = Math.floor(Date.now() / 60_000);
      if (now !== minute) [minute, reports] = [now, 0];
      if (++reports <= MAX_REPORTS_PER_MINUTE) client.captureEvent(toErrorEvent(error, stackParser));
    },
    flush: async (timeoutMs) => void (await client.flush(timeoutMs)),
  };
}

function createFetchTransport({ url, headers = {}, ...options }: BaseTransportOptions): Transport {
  return createTransport({ ...options, bufferSize: MAX_IN_FLIGHT }, async ({ body }) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(url, { method: 'POST', headers, body: new Uint8Array(Buffer.from(body)), signal });
    await response.body?.cancel();
    return {
      statusCode: response.status,
      headers: {
        'x-sentry-rate-limits': response.headers.get('x-sentry-rate-limits'),
        'retry-after': response.headers.get('retry-after'),
      },
    };
  });
}
