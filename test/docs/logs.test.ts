import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const sources = new Map(
  globSync('src/**/*.ts')
    .filter((file) => !file.endsWith('.test.ts') && !file.startsWith('src/generated/'))
    .map((file) => [file, readFileSync(file, 'utf8')]),
);

/** Texts of a string: literals, and templates whose values stand as `…`. */
const STRING = String.raw`'(?:[^'\\\n]|\\.)*'|${'`'}(?:[^${'`'}\\]|\\.)*${'`'}`;
const STRINGS = new RegExp(`(?:${STRING})(?:\\s*\\+\\s*(?:${STRING}))*`, 'g');
const LOG_CALL = /\b(?:#?log|#?logger)\??\.(info|warn|error|fatal)\(/g;

/** Messages that a call gets from elsewhere, by its file and level. */
const PASSED_ON: Readonly<Record<string, readonly string[]>> = {
  'src/main.ts warn': [
    'this variable has no effect; Weir knows one with a similar name',
    'this variable has no effect; …',
    '… is not set: …',
  ],
  'src/app/open-service-log.ts warn': ['the log file can be written again; lines before this one are missing'],
  'src/catalog/feed/access-changes.ts info': ['access changed'],
  'src/counters/redis/connection/warning-deduplicator.ts warn': findWarningsOfRedis(),
};
/** A line that is not written by a logger. */
const DECISION = { level: 'info', message: 'decision' };

/** Messages that go through a WarningDeduplicator. */
function findWarningsOfRedis(): readonly string[] {
  return [...sources].flatMap(([file, text]) =>
    file.startsWith('src/counters/redis/')
      ? [...text.matchAll(/#?(?:warn|warnings\.warn)\('(counters: [^']+)'/g)].map(([, message = '']) => message)
      : [],
  );
}

interface Message {
  readonly level: string;
  readonly message: string;
}

/** The text of the arguments of a call that begins at an index. */
function readArguments(text: string, start: number): string {
  let depth = 1;
  let index = start;
  for (let quote = ''; depth > 0; index++) {
    const char = text[index] ?? '';
    if (quote !== '') {
      if (char === '\\') index++;
      else if (char === quote) quote = '';
    } else if (`'"\``.includes(char)) quote = char;
    else if ('([{'.includes(char)) depth++;
    else if (')]}'.includes(char)) depth--;
  }
  return text
    .slice(start, index - 1)
    .trim()
    .replace(/,$/, '');
}

function toText(strings: string): string {
  return [...strings.matchAll(new RegExp(STRING, 'g'))]
    .map(([string]) =>
      string
        .slice(1, -1)
        .replace(/\$\{[^}]*\}/g, '…')
        .replaceAll('\\`', '`'),
    )
    .join('');
}

/** The messages of a call: those of its last argument, or of the constant before it that this argument names. */
function findMessages(before: string, args: string): readonly string[] {
  const literal = new RegExp(`(?:^|[,:]\\s*)(${STRINGS.source})$`).exec(args)?.[1];
  if (literal !== undefined) return [toText(literal)];
  const name = /(\w+)$/.exec(args)?.[1] ?? '';
  const constant = [...before.matchAll(new RegExp(`const ${name} =([\\s\\S]*?);\\n`, 'g'))].at(-1)?.[1];
  return (
    constant
      ?.match(STRINGS)
      ?.map(toText)
      .filter((message) => message.includes(' ')) ?? []
  );
}

function findWritten(file: string, text: string): readonly Message[] {
  return [...text.matchAll(LOG_CALL)].flatMap((call) => {
    const level = call[1] ?? '';
    const found = findMessages(text.slice(0, call.index), readArguments(text, call.index + call[0].length));
    const messages = found.length > 0 ? found : PASSED_ON[`${file} ${level}`];
    if (messages === undefined) throw new Error(`${file}: ${call[0]}…) has a message that this test cannot find`);
    return messages.map((message) => ({ level, message }));
  });
}

const written: readonly Message[] = [...sources].flatMap(([file, text]) => findWritten(file, text));
const documented: readonly Message[] = [
  ...readFileSync('docs/logs.md', 'utf8').matchAll(/^\| (info|warn|error|fatal) \| (`+)(.*?)\2(?!`)/gm),
].map(([, level = '', , message = '']) => ({ level, message }));

const format = (messages: readonly Message[]) =>
  [...new Set(messages.map(({ level, message }) => `${level} ${message}`))].sort();

describe('docs/logs.md', () => {
  it('lists exactly the messages that Weir logs, each with its level', () => {
    expect(written.length).toBeGreaterThan(100);
    expect(format(documented)).toEqual(format([...written, DECISION]));
  });
});
