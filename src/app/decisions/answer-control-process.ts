import type { Config } from '../../config/config.ts';
import { LogOutput } from '../../decision-log/log-output.ts';
import { answerQuestions } from '../../workers/channel/answer-questions.ts';
import type { DecisionPort } from '../../workers/decision-port.ts';
import type { Decisions } from '../../workers/decisions.ts';
import type { ServiceLog } from '../open-service-log.ts';

/** The part that decides, and who reports the errors of its process. */
export interface PreparedProcess extends Pick<ServiceLog, 'reporter'> {
  readonly decisions: Decisions;
}

/** Prepares the part that decides. `output` takes the log. */
export type PrepareProcess = (config: Config, output: LogOutput) => Promise<PreparedProcess>;

/** Time for the last reports of errors to be sent. */
const LAST_REPORTS_MS = 1_000;

/** Decides as the process says that has started this one. `prepare` prepares the part that decides. */
export function answerControlProcess(prepare: PrepareProcess): void {
  let prepared: PreparedProcess | undefined;
  let port: DecisionPort | undefined;
  const output = new LogOutput();
  output.finishAtExit();
  const requirePort = (): DecisionPort => {
    if (port === undefined) throw new Error('must be started first');
    return port;
  };
  answerQuestions({
    async prepare(config) {
      prepared = await prepare(config, output);
    },
    async start(settings) {
      if (prepared === undefined) throw new Error('must be prepared first');
      const { port: startedPort, ...started } = await prepared.decisions.start(settings);
      port = startedPort;
      return started;
    },
    drain: async () => prepared?.decisions.drain(),
    async stop() {
      await prepared?.decisions.stop();
      await prepared?.reporter?.flush(LAST_REPORTS_MS);
    },
    decide: (call) => requirePort().decide(call),
    explain: (question) => requirePort().explain(question),
    listRules: (question) => requirePort().listRules(question),
    readCounters: (selection) => requirePort().readCounters(selection),
    changeCounters: (change) => requirePort().changeCounters(change),
    admit: (call) => requirePort().admit(call),
    beginAdminCall: (call) => requirePort().beginAdminCall(call),
    endAdminCall: (ended) => requirePort().endAdminCall(ended),
    findKey: (secret) => requirePort().findKey(secret),
    findAccount: (id) => requirePort().findAccount(id),
    findPlan: (id) => requirePort().findPlan(id),
    refreshCatalog: (argument) => requirePort().refreshCatalog(argument),
    readStatus: (argument) => requirePort().readStatus(argument),
    readMetrics: (argument) => requirePort().readMetrics(argument),
    readDecisionMetrics: (argument) => requirePort().readDecisionMetrics(argument),
  });
}
