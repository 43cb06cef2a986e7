import { parse } from 'shell-quote';
import type { CheckRequestJson } from '../../generated/envoy/service/auth/v3/external_auth_pb.js';

/** The parts of a request that a curl line sets. */
interface CurlRequest {
  url: string;
  /** undefined: POST with a body, else GET. */
  method: string | undefined;
  hasBody: boolean;
  /** By name in lower case, as Envoy sends them. */
  readonly headers: Record<string, string>;
}

/** Reads the value of an option into the request. */
type Option = (request: CurlRequest, value: string) => void;

const setHeader =
  (name: string): Option =>
  ({ headers }, value) => {
    headers[name] = value;
  };
const addBody: Option = (request) => {
  request.hasBody = true;
  request.headers['content-type'] ??= 'application/x-www-form-urlencoded';
};

/** Options with a value that change what Envoy sees. */
const OPTIONS: Readonly<Record<string, Option>> = {
  '--header': ({ headers }, value) => {
    const colon = value.indexOf(':');
    if (colon > 0) headers[value.slice(0, colon).trim().toLowerCase()] = value.slice(colon + 1).trim();
  },
  '--request': (request, value) => {
    request.method = value;
  },
  '--url': (request, value) => {
    request.url = value;
  },
  '--user': ({ headers }, value) => {
    headers.authorization = `Basic ${btoa(value)}`;
  },
  '--oauth2-bearer': ({ headers }, value) => {
    headers.authorization = `Bearer ${value}`;
  },
  '--user-agent': setHeader('user-agent'),
  '--cookie': setHeader('cookie'),
  '--referer': setHeader('referer'),
  '--data': addBody,
  '--data-raw': addBody,
  '--data-binary': addBody,
  '--data-urlencode': addBody,
  '--form': addBody,
  '--json': (request, value) => {
    request.headers['content-type'] = 'application/json';
    addBody(request, value);
  },
};
const SHORT_OPTIONS: Readonly<Record<string, string>> = {
  H: '--header',
  X: '--request',
  u: '--user',
  A: '--user-agent',
  b: '--cookie',
  e: '--referer',
  d: '--data',
  F: '--form',
};
/** Options with a value that Envoy sees nothing of. */
const SKIPPED = new Set([
  ...['-o', '--output', '-w', '--write-out', '-m', '--max-time', '--connect-timeout', '--retry', '--cacert', '--cert'],
  ...['--key', '-x', '--proxy', '--resolve', '--connect-to', '-D', '--dump-header', '-c', '--cookie-jar', '-T'],
]);

/** Translates a curl line to the request that Envoy would send to Check. Throws for a line without a URL. */
export function readCurl(line: string): CheckRequestJson {
  const request: CurlRequest = { url: '', method: undefined, hasBody: false, headers: {} };
  const [, ...words] = parse(line.replace(/\\\r?\n/g, ' '), (name) => `$${name}`).map(toText);
  for (let i = 0; i < words.length; i++) {
    const { option, value } = splitOption(words[i] ?? '');
    const apply = option === undefined ? undefined : OPTIONS[option];
    if (apply !== undefined) apply(request, value ?? words[++i] ?? '');
    else if (option === '--head') request.method = 'HEAD';
    else if (option === undefined) request.url ||= words[i] ?? '';
    else if (SKIPPED.has(option) && value === undefined) i++;
  }
  return toCheckRequest(request);
}

/** URLs with `?` and `&` outside of quotes are not text to a shell. */
function toText(word: ReturnType<typeof parse>[number]): string {
  if (typeof word === 'string') return word;
  if ('pattern' in word) return word.pattern;
  return 'op' in word ? word.op : '';
}

/** `-XPOST`, `-X` and `--request=POST` name the same option. option undefined: the word is not an option. */
function splitOption(word: string): { readonly option: string | undefined; readonly value?: string | undefined } {
  if (!word.startsWith('-') || word === '-') return { option: undefined };
  if (word.startsWith('--')) {
    const equals = word.indexOf('=');
    return equals < 0 ? { option: word } : { option: word.slice(0, equals), value: word.slice(equals + 1) };
  }
  if (word === '-I') return { option: '--head' };
  const long = SHORT_OPTIONS[word[1] ?? ''];
  return { option: long ?? word, value: long !== undefined && word.length > 2 ? word.slice(2) : undefined };
}

function toCheckRequest({ url, method, hasBody, headers }: CurlRequest): CheckRequestJson {
  if (url === '') throw new Error('the curl line has no URL');
  const { protocol, host, pathname, search } = new URL(/^\w+:\/\//.test(url) ? url : `http://${url}`);
  return {
    attributes: {
      request: {
        http: {
          method: method ?? (hasBody ? 'POST' : 'GET'),
          scheme: protocol.slice(0, -1),
          host: headers.host ?? host,
          path: pathname + search,
          headers,
        },
      },
    },
  };
}
