/** Node's argument that opens the inspector there, for `collectGarbage`. */
export function inspectorArgument(port: number): string {
  return `--inspect=127.0.0.1:${port}`;
}

/** Has a Node process collect all its garbage, so that what is resident afterwards is what it needs. */
export async function collectGarbage(inspectorPort: number): Promise<void> {
  const targets = await (await fetch(`http://127.0.0.1:${inspectorPort}/json/list`)).json();
  const socket = new WebSocket((targets as { webSocketDebuggerUrl: string }[])[0]?.webSocketDebuggerUrl ?? ''); // by its protocol
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', () => socket.send('{"id":1,"method":"HeapProfiler.collectGarbage"}'));
    socket.addEventListener('message', resolve);
    socket.addEventListener('error', () => reject(new Error('the inspector cannot be reached')));
  });
  socket.close();
}
