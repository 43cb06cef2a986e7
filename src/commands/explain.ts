import { parseArgs } from 'node:util';
import type { Entry } from '../domain/descriptor.ts';
import { explainMatch } from '../domain/rules/explain-match.ts';
import { RateLimitRequest } from '../generated/envoy/service/ratelimit/v3/rls.ts';
import { type ExplainRequest, ExplainResponse } from '../generated/weir/admin/v1/explain_service.ts';
import { loadRules } from '../rules/load/load-rules.ts';
import { askServer, responseJson } from './ask-server.ts';
import { CommandFailed } from './command-failed.ts';
import { explanationLines } from './explain-text.ts';
import { responseLines } from './response-text.ts';

/** What the command line asks; `place`: of rules files, else `server`: an admin address. */
interface Asked {
  readonly place: string | undefined;
  readonly server: string | undefined;
  readonly question: Question;
  readonly isJson: boolean;
}

type Question =
  | { readonly domain: string; readonly descriptors: readonly (readonly Entry[])[] }
  | { readonly apiKey: string };

/**
 * `weir explain PATH DOMAIN KEY=VALUE[,KEY=VALUE]…`, by rules files, or `weir explain --server HOST:PORT …`, by a running
 * server: which rule each descriptor has, and why. `accessToken`: an administrator's, for the server. The text to print;
 * undefined where the command line is not understood. Throws InvalidRules and CommandFailed.
 */
export async function explain(
  operands: readonly string[],
  accessToken: () => string | undefined,
): Promise<string | undefined> {
  const asked = readAsked(operands);
  if (asked === undefined) return undefined;
  const { place, server, question, isJson } = asked;
  if (server !== undefined) return byServer(server, question, accessToken(), isJson);
  return place === undefined || 'apiKey' in question ? undefined : byRules(place, question, isJson);
}

async function byRules(
  place: string,
  { domain, descriptors: asked }: Extract<Question, { domain: string }>,
  isJson: boolean,
): Promise<string> {
  const book = await loadRules(place);
  const explained = asked.map((entries) => ({ entries, explanation: explainMatch(book, domain, entries) }));
  if (isJson) {
    const descriptors = explained.map(({ entries, explanation }) => ({ entries, ...explanation }));
    return `${JSON.stringify({ domain, descriptors }, undefined, 2)}\n`;
  }
  const lines = explained.flatMap(({ entries, explanation }) => explanationLines(domain, entries, explanation));
  return `${lines.join('\n')}\n`;
}

async function byServer(
  server: string,
  question: Question,
  accessToken: string | undefined,
  isJson: boolean,
): Promise<string> {
  if (accessToken === undefined) {
    throw new CommandFailed("WEIR_ACCESS_TOKEN: must be set to an administrator's access token (AuthService/Login)");
  }
  const response = await askServer(server, accessToken, requestOf(question));
  const text = isJson ? responseJson(response) : responseLines(ExplainResponse.decode(response)).join('\n');
  return `${text}\n`;
}

function requestOf(question: Question): ExplainRequest {
  if ('apiKey' in question) return { question: { $case: 'apiKey', value: question.apiKey } };
  const descriptors = question.descriptors.map((entries) => ({ entries: [...entries] }));
  const value = RateLimitRequest.fromPartial({ domain: question.domain, descriptors });
  return { question: { $case: 'rateLimit', value } };
}

function readAsked(operands: readonly string[]): Asked | undefined {
  try {
    const options = {
      json: { type: 'boolean', default: false },
      server: { type: 'string' },
      'api-key': { type: 'string' },
    } as const;
    const { values, positionals } = parseArgs({ args: [...operands], options, allowPositionals: true });
    const { server, json: isJson, 'api-key': apiKey } = values;
    const place = server === undefined ? positionals[0] : undefined;
    const rest = server === undefined ? positionals.slice(1) : positionals;
    const question = apiKey !== undefined && rest.length === 0 ? { apiKey } : readQuestion(rest);
    return question && { place, server, question, isJson };
  } catch {
    return undefined; // an option that there is not
  }
}

function readQuestion([domain, ...rest]: readonly string[]): Question | undefined {
  const descriptors = rest.map(readDescriptor);
  if (domain === undefined || rest.length === 0) return undefined;
  return descriptors.every((entries) => entries !== undefined) ? { domain, descriptors } : undefined;
}

/** `key=value,key=value`; a comma within a value is written `\,`. undefined where a key is missing. */
function readDescriptor(text: string): readonly Entry[] | undefined {
  const entries = text.split(/(?<!\\),/).map((each): Entry => {
    const [key = '', ...value] = each.replaceAll('\\,', ',').split('=');
    return { key, value: value.join('=') };
  });
  return entries.every(({ key }) => key !== '') ? entries : undefined;
}
