/**
 * Writes src/generated/redis-scripts.ts from the .lua files of src/counters/redis/lua/.
 *
 * A module, because tsc copies no other files to dist/. scripts/setup.mjs runs this. `npm run dev` imports it before
 * each restart, so that an edited script takes effect; an unchanged module is not written again, as that would restart
 * once more.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { assembleLua } from './lua-assembler.ts';

const root = path.dirname(import.meta.dirname);
const sources = path.join(root, 'src', 'counters', 'redis', 'lua');
const output = path.join(root, 'src', 'generated', 'redis-scripts.ts');
const SCRIPTS = ['charge', 'refund', 'correct', 'late', 'nodes', 'fill', 'history', 'claim', 'restore'];

function generateModule(): string {
  const constants = SCRIPTS.map((name) => {
    const text = assembleLua(`${name}.lua`, (file) => readFileSync(path.join(sources, file), 'utf8'));
    return `export const ${name.toUpperCase()}_LUA = \`${text.replaceAll(/[\\`]|\$\{/g, '\\$&')}\`;\n`;
  });
  return `// Generated from src/counters/redis/lua/ by scripts/assemble-redis-scripts.ts. Do not edit.\n${constants.join('\n')}`;
}

if (isMainThread) {
  const text = generateModule();
  if (!existsSync(output) || readFileSync(output, 'utf8') !== text) {
    mkdirSync(path.dirname(output), { recursive: true });
    writeFileSync(output, text);
  }
}
