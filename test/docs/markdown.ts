import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Paths of all pages that users and contributors read, relative to the repository. */
export function markdownPages(): readonly string[] {
  const pages = (folder: string, recursive: boolean) =>
    readdirSync(folder, { recursive, encoding: 'utf8' })
      .filter((file) => file.endsWith('.md'))
      .map((file) => path.join(folder, file));
  return [
    ...pages('.', false),
    ...pages('docs', true),
    ...pages('src', true),
    ...pages('test', true),
    ...pages('deploy', true),
  ];
}

/** Lines of a page outside fenced code. */
export function proseLines(text: string): readonly string[] {
  let isCode = false;
  return text.split('\n').filter((line) => {
    if (line.trimStart().startsWith('```')) {
      isCode = !isCode;
      return false;
    }
    return !isCode;
  });
}

/** Fenced blocks of a language, in order. */
export function codeBlocks(text: string, language: string): readonly string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, code = '']) => code);
}

/** Text between a heading and the next one of the same or a higher level. */
export function section(text: string, heading: string): string {
  const lines = text.split('\n');
  const start = lines.indexOf(heading);
  if (start < 0) throw new Error(`there is no heading ${heading}`);
  const level = heading.indexOf(' ');
  const isEnd = (line: string) => /^#+ /.test(line) && line.indexOf(' ') <= level;
  const length = lines.slice(start + 1).findIndex(isEnd);
  return lines.slice(start, length < 0 ? undefined : start + 1 + length).join('\n');
}

/** All words in backticks that match, in the given column of the tables of a text; without a column, in all of them. */
export function tableCodes(text: string, pattern: RegExp, column?: number): ReadonlySet<string> {
  const cells = text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .flatMap((line) => {
      const row = line.split(/(?<!\\)\|/).slice(1, -1);
      return column === undefined ? row : row.slice(column, column + 1);
    });
  const codes = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code));
  return new Set(codes.filter((code) => pattern.test(code)));
}

/** The anchors that a page offers, as GitHub derives them from its headings. */
export function anchors(text: string): ReadonlySet<string> {
  const headings = proseLines(text).filter((line) => /^#+ /.test(line));
  return new Set(
    headings.map((line) =>
      line
        .replace(/^#+ /, '')
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\- _]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** The relative links of a page that lead nowhere, and those whose anchor does not exist. */
export function brokenLinks(page: string): readonly string[] {
  const text = proseLines(readFileSync(page, 'utf8')).join('\n');
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [target = '', anchor] = link.split('#');
    const file = target === '' ? page : path.join(path.dirname(page), target);
    if (!existsSync(file)) return true;
    return anchor !== undefined && file.endsWith('.md') && !anchors(readFileSync(file, 'utf8')).has(anchor);
  });
}
