// A worker that writes its pid to each connection that it gets, and keeps it open.
import { openDistributedListener } from '../../src/workers/pool/distributed-listener.ts';

const listener = await openDistributedListener({ host: '127.0.0.1', port: 0 });
listener.accept((socket) => {
  socket.on('error', () => socket.destroy());
  socket.resume().write(String(process.pid));
});
process.on('disconnect', () => process.exit());
process.on('message', ({ kind, questions }: { kind: string; questions: readonly { id: number }[] }) => {
  // The only question is `drain`.
  if (kind !== 'questions') return;
  const answers = questions.map(({ id }) => ({ id, result: undefined }));
  void listener.close().then(() => process.send?.({ kind: 'answers', answers }));
});
