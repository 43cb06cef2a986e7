const BYTES_PER_MB = 1024 * 1024;
const BYTES_IN_USE = 'process.memoryUsage().heapUsed + process.memoryUsage().external';

/** Returns the argument that makes Node open its inspector on a port. */
export function createInspectorArgument(port: number): string {
  return `--inspect=127.0.0.1:${port}`;
}

/** Collects all garbage of a Node process. Returns the MB that V8's heap and the buffers outside of it then use. */
export async function readHeapMb(inspectorPort: number): Promise<number> {
  const targets = await (await fetch(`http://127.0.0.1:${inspectorPort}/json/list`)).json();
  const [target] = targets as { readonly webSocketDebuggerUrl: string }[]; // the format of Node's inspector
  if (target === undefined) throw new Error('inspector: must list a target (got none)');
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  try {
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', () => reject(new Error('inspector: cannot connect')));
    });
    await sendCommand(socket, 'HeapProfiler.collectGarbage', {});
    const { result } = await sendCommand(socket, 'Runtime.evaluate', { expression: BYTES_IN_USE });
    if (typeof result?.value !== 'number') throw new Error('inspector: must return the bytes in use');
    return result.value / BYTES_PER_MB;
  } finally {
    socket.close();
  }
}

/**
 * Sends a command and returns its result (https://chromedevtools.github.io/devtools-protocol/). One command at a time:
 * the next message is taken for the response.
 */
async function sendCommand(socket: WebSocket, method: string, params: object) {
  const response = new Promise<MessageEvent>((resolve) => socket.addEventListener('message', resolve, { once: true }));
  socket.send(JSON.stringify({ id: 1, method, params }));
  return JSON.parse(String((await response).data)).result as { readonly result?: { readonly value: unknown } };
}
