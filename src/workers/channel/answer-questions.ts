import { toPlainError } from './plain-error.ts';
import type { Answer, MessageFromWorker, MessageToWorker, Question, WorkerMethods } from './worker-messages.ts';

/** Time for the report of a crash to leave the process. */
const CRASH_REPORT_MS = 500;

/**
 * Answers the questions of the control process, in a process that was started with a channel to it. Ends the process
 * after `stop`, and at once when the control process has gone.
 */
export function answerQuestions(methods: WorkerMethods): void {
  let unsent: Answer[] = [];
  let isStopped = false;
  const flush = () => {
    sendToControl({ kind: 'answers', answers: unsent }, () => {
      if (isStopped) process.exit(0);
    });
    unsent = [];
  };
  process.on('message', (message: MessageToWorker) => {
    // Node's watch mode uses the channel, too.
    if (message.kind !== 'questions') return;
    for (const question of message.questions) {
      void answer(methods, question).then((given) => {
        isStopped ||= question.method === 'stop';
        if (unsent.push(given) === 1) setImmediate(flush);
      });
    }
  });
  process.on('disconnect', () => process.exit(1));
  process.on('uncaughtException', (error) => {
    setTimeout(() => process.exit(1), CRASH_REPORT_MS);
    sendToControl({ kind: 'crashed', error: toPlainError(error) }, () => process.exit(1));
  });
}

async function answer(methods: WorkerMethods, { id, method, argument }: Question): Promise<Answer> {
  try {
    // `never` is safe: the control process asks with the argument of the method (QuestionQueue).
    return { id, result: await methods[method](argument as never) };
  } catch (error) {
    return { id, error: toPlainError(error) };
  }
}

function sendToControl(message: MessageFromWorker, done: () => void): void {
  if (process.send === undefined || !process.connected) done();
  else process.send(message, undefined, undefined, done);
}
