import { readFileSync, writeFileSync } from 'node:fs';

/** Replaces the text between `<!-- NAME -->` and `<!-- /NAME -->` in a page. Throws if the page lacks these markers. */
export function writeMarkedSection(page: URL, name: string, text: string): void {
  const [beginMarker, endMarker] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const content = readFileSync(page, 'utf8');
  const begin = content.indexOf(beginMarker);
  const end = content.indexOf(endMarker, begin);
  if (begin < 0 || end < 0) throw new Error(`${page.pathname}: must contain ${beginMarker} and ${endMarker}`);
  writeFileSync(page, `${content.slice(0, begin + beginMarker.length)}\n\n${text}\n\n${content.slice(end)}`);
}
