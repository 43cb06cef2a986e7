import { SESSION_ENDED } from './call.ts';
import { readSignedIn } from './session.ts';

/** Pages that do not poll would otherwise show what they have loaded long after the session has ended. */
const CHECK_MS = 60_000;
/** Reaches the other tabs of the console in this browser. */
const channel = new BroadcastChannel('weir-session');

/** Lets the other tabs of this browser load again, because somebody has signed in or out in this one. */
export function announceSessionChange(): void {
  channel.postMessage('changed');
}

/**
 * Calls `onEnd` when the session has ended, by a call or because nobody used it. Loads the page again when somebody signs in
 * or out in another tab, so that no tab shows one account and acts as another. Returns a function that stops watching.
 */
export function watchSession(onEnd: () => void): () => void {
  const check = async () => {
    const isSignedIn = await readSignedIn().catch(() => true); // a node that does not answer ends no session
    if (!isSignedIn) onEnd();
  };
  const timer = setInterval(() => void check(), CHECK_MS);
  channel.onmessage = () => location.reload();
  addEventListener(SESSION_ENDED, onEnd);
  return () => {
    clearInterval(timer);
    channel.onmessage = null;
    removeEventListener(SESSION_ENDED, onEnd);
  };
}
