const MEBIBYTE = 1024 * 1024;
const USAGE = 'process.memoryUsage().heapUsed + process.memoryUsage().external';

/** Node's argument that opens its inspector there. */
export function inspectorArgument(port: number): string {
  return `--inspect=127.0.0.1:${port}`;
}

/** MB in use by a Node process, on V8's heap and by buffers outside of it, once all garbage is collected. */
export async function megabytesInUse(inspectorPort: number): Promise<number> {
  const targets = await (await fetch(`http://127.0.0.1:${inspectorPort}/json/list`)).json();
  const [target] = targets as { readonly webSocketDebuggerUrl: string }[]; // as Node answers it
  if (target === undefined) throw new Error('the inspector has nothing to inspect');
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  try {
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', () => reject(new Error('the inspector cannot be reached')));
    });
    await ask(socket, 'HeapProfiler.collectGarbage', {});
    const { result } = await ask(socket, 'Runtime.evaluate', { expression: USAGE });
    if (typeof result?.value !== 'number') throw new Error('the inspector did not tell the memory in use');
    return result.value / MEBIBYTE;
  } finally {
    socket.close();
  }
}

/** One command at a time: the next message is its answer (https://chromedevtools.github.io/devtools-protocol/). */
async function ask(socket: WebSocket, method: string, params: object) {
  const answer = new Promise<MessageEvent>((resolve) => socket.addEventListener('message', resolve, { once: true }));
  socket.send(JSON.stringify({ id: 1, method, params }));
  return JSON.parse(String((await answer).data)).result as { readonly result?: { readonly value: unknown } };
}
