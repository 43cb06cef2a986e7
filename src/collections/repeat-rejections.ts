import { BriefMemory } from './brief-memory.ts';

/** As long as nodes repeat rejections of other limits. A reset of a counter applies after this time. */
const REMEMBERED_MS = 250;
const MAX_REMEMBERED = 10_000;

/**
 * Returns a function that asks `ask`, and repeats a rejection of a question with the same key for a moment without asking
 * again. So a client that does not stop costs next to nothing.
 */
export function repeatRejections<Question, Answer extends { readonly kind: string }>(
  ask: (question: Question) => Promise<Answer>,
  toKey: (question: Question) => string,
): (question: Question) => Promise<Answer> {
  const remembered = new BriefMemory<Answer>(REMEMBERED_MS, MAX_REMEMBERED);
  return async (question) => {
    const key = toKey(question);
    const known = remembered.recall(key, performance.now());
    if (known !== undefined) return known;
    const answer = await ask(question);
    if (answer.kind === 'rejected') remembered.remember(key, answer, performance.now());
    return answer;
  };
}
