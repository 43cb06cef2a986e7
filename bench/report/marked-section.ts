import { readFileSync, writeFileSync } from 'node:fs';

/** Puts a text between `<!-- NAME -->` and `<!-- /NAME -->` of a page; what stands around them is written by hand. */
export function writeMarkedPart(page: URL, name: string, text: string): void {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const whole = readFileSync(page, 'utf8');
  const from = whole.indexOf(begin);
  const to = whole.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`${page.pathname}: has no place between ${begin} and ${end}`);
  writeFileSync(page, `${whole.slice(0, from + begin.length)}\n\n${text}\n\n${whole.slice(to)}`);
}
