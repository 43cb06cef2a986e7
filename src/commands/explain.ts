import { parseArgs } from 'node:util';
import type { Entry } from '../core/descriptor.ts';
import { explainMatch } from '../core/explain-match.ts';
import { loadRules } from '../rules/load.ts';
import { explanationLines } from './explain-text.ts';

/** What the command line asks. */
interface Asked {
  readonly place: string;
  readonly domain: string;
  readonly descriptors: readonly (readonly Entry[])[];
  readonly isJson: boolean;
}

/**
 * `weir explain [--json] PATH DOMAIN KEY=VALUE[,KEY=VALUE]…`: which rule each descriptor has, and why. The text to print;
 * undefined where the command line is not understood. Throws InvalidRules.
 */
export async function explain(operands: readonly string[]): Promise<string | undefined> {
  const asked = readAsked(operands);
  if (asked === undefined) return undefined;
  const book = await loadRules(asked.place);
  const { domain, isJson } = asked;
  const explained = asked.descriptors.map((entries) => ({ entries, explanation: explainMatch(book, domain, entries) }));
  if (isJson) {
    const descriptors = explained.map(({ entries, explanation }) => ({ entries, ...explanation }));
    return `${JSON.stringify({ domain, descriptors }, undefined, 2)}\n`;
  }
  const lines = explained.flatMap(({ entries, explanation }) => explanationLines(domain, entries, explanation));
  return `${lines.join('\n')}\n`;
}

function readAsked(operands: readonly string[]): Asked | undefined {
  try {
    const options = { json: { type: 'boolean', default: false } } as const;
    const { values, positionals } = parseArgs({ args: [...operands], options, allowPositionals: true });
    const [place, domain, ...rest] = positionals;
    const descriptors = rest.map(readDescriptor);
    if (place === undefined || domain === undefined || rest.length === 0) return undefined;
    if (!descriptors.every((entries) => entries !== undefined)) return undefined;
    return { place, domain, descriptors, isJson: values.json };
  } catch {
    return undefined; // an option that there is not
  }
}

/** `key=value,key=value`; a comma within a value is written `\,`. undefined where a key is missing. */
function readDescriptor(text: string): readonly Entry[] | undefined {
  const entries = text.split(/(?<!\\),/).map((each): Entry => {
    const [key = '', ...value] = each.replaceAll('\\,', ',').split('=');
    return { key, value: value.join('=') };
  });
  return entries.every(({ key }) => key !== '') ? entries : undefined;
}
