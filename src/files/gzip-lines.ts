import { pipeline } from 'node:stream/promises';
import { constants, createGunzip, createGzip } from 'node:zlib';
import { openRegularFile } from './regular-file.ts';
import { replaceFile } from './replace-file.ts';

/** Writes lines, without their ends, in place of those of a file. It is gzip, whose checksum shows damage. */
export async function writeGzipLines(file: string, lines: Iterable<string>): Promise<void> {
  const ended = function* (): Generator<string> {
    for (const line of lines) yield `${line}\n`;
  };
  await replaceFile(file, async (handle) => {
    const gzip = createGzip({ level: constants.Z_BEST_SPEED });
    await pipeline(ended, gzip, async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) await handle.writeFile(chunk); // continues at the position of the file
    });
  });
}

/**
 * Gives each line of a file to `readLine`. Returns false if there is no file. Throws if the file is damaged, and what
 * `readLine` throws. Lines before the fault have been read then.
 */
export async function readGzipLines(file: string, readLine: (line: string) => void): Promise<boolean> {
  const handle = await openRegularFile(file);
  if (handle === undefined) return false;
  const source = handle.createReadStream(); // which closes the file
  await pipeline(source, createGunzip().setEncoding('utf8'), async (texts: AsyncIterable<string>) => {
    let rest = '';
    for await (const text of texts) {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) readLine(line);
    }
  });
  return true;
}
