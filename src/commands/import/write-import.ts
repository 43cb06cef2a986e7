import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CommandFailed } from '../command-failed.ts';
import { importKong } from './import-kong.ts';
import { importLimitador } from './import-limitador.ts';
import type { ImportResult } from './import-result.ts';

/** The services whose configuration can be imported. */
export const IMPORTS = { limitador: importLimitador, kong: importKong };

/**
 * `weir import SERVICE FILE --out FOLDER`: writes the files that an import makes. Returns the text to print: the files,
 * and everything that they do not have. Overwrites nothing. Files may hold keys, so only their owner can read them.
 */
export async function runImport(service: keyof typeof IMPORTS, file: string, folder: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => {
    throw new CommandFailed(`${file}: must be a file that exists and can be read`);
  });
  const { files, notes } = convert(service, file, text);
  await mkdir(folder, { recursive: true });
  for (const { name, text: contents } of files) {
    await writeFile(path.join(folder, name), contents, { flag: 'wx', mode: 0o600 }).catch((error: unknown) => {
      const reason =
        error instanceof Error && 'code' in error && error.code === 'EEXIST' ? 'exists already' : 'cannot be written';
      throw new CommandFailed(`${path.join(folder, name)}: ${reason}`);
    });
  }
  const written = files.map(({ name }) => `wrote ${path.join(folder, name)}`);
  const lines = [...(written.length === 0 ? ['wrote nothing'] : written), ...notes.map((note) => `note: ${note}`)];
  return `${lines.join('\n')}\n`;
}

function convert(service: keyof typeof IMPORTS, file: string, text: string): ImportResult {
  try {
    return IMPORTS[service](text);
  } catch (error) {
    if (!(error instanceof Error) || !error.name.startsWith('YAML')) throw error;
    throw new CommandFailed(`${file}: must be YAML (${error.message.split('\n')[0]})`);
  }
}
