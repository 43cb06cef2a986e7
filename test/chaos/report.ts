import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Figures } from './judge.ts';

const GUARANTEES = fileURLToPath(new URL('../../docs/guarantees.md', import.meta.url));
const SECTION = /<!-- chaos -->[\s\S]*<!-- \/chaos -->/;

const COLUMNS: readonly (readonly [name: string, cell: (figures: Figures) => string | number])[] = [
  ['scenario', ({ name }) => name],
  ['calls', ({ calls }) => calls],
  ['later than 20 ms', ({ late }) => percent(late)],
  ['of calls about health', ({ lateHealth }) => percent(lateHealth)],
  ['p99, ms', ({ p99 }) => p99.toFixed(1)],
  ['longest, ms', ({ longest }) => longest.toFixed(0)],
  ['unavailable', ({ unavailable }) => unavailable],
  ['fail-local', ({ failLocal }) => failLocal],
  ['fail-open', ({ failOpen }) => failOpen],
  ['recovery, ms', ({ recovery }) => recovery.toFixed(0)],
  ['over: deny', ({ over }) => over.deny],
  ['over: local', ({ over }) => over.local],
  ['over: allow', ({ over }) => over.allow],
  ['charged unheard', ({ unheard }) => unheard],
  ['lost', ({ lost }) => lost],
];

function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}

/** A table in Markdown. */
export function tableOf(figures: readonly Figures[]): string {
  const rows = figures.map((each) => COLUMNS.map(([, cell]) => cell(each)));
  const ruler = COLUMNS.map((_, column) => (column === 0 ? '---' : '---:'));
  return [COLUMNS.map(([name]) => name), ruler, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Puts the table between the markers in docs/guarantees.md. */
export async function writeTable(table: string): Promise<void> {
  const text = await readFile(GUARANTEES, 'utf8');
  if (!SECTION.test(text)) throw new Error(`${GUARANTEES} lacks the markers of the section on chaos`);
  await writeFile(
    GUARANTEES,
    text.replace(SECTION, () => `<!-- chaos -->\n\n${table}\n\n<!-- /chaos -->`),
  );
}
