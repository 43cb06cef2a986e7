import { z } from 'zod';

/** Where the admin API is served over HTTP. */
export interface HttpApiConfig {
  /** Web origins whose scripts may call it, such as `https://console.example.com`; `*` stands for all. */
  readonly corsOrigins: ReadonlySet<string>;
  /** Whether the console is served next to it. */
  readonly hasConsole: boolean;
}

const MAX_ORIGINS = 64;

/** Origins, or `*` alone. */
const corsOrigins = z.string().transform((text, context): ReadonlySet<string> => {
  const origins = text.split(',').flatMap((item) => item.trim() || []);
  const wrong = origins.find((origin) => origin !== '*' && !isOrigin(origin));
  const fault =
    wrong !== undefined
      ? `must be origins such as https://console.example.com, separated by commas (got ${JSON.stringify(wrong)})`
      : findListFault(origins);
  if (fault === undefined) return new Set(origins);
  context.addIssue({ code: 'custom', message: fault });
  return z.NEVER;
});

function findListFault(origins: readonly string[]): string | undefined {
  if (origins.includes('*') && origins.length > 1) return 'must be origins, or * alone';
  return origins.length > MAX_ORIGINS ? `must be at most ${MAX_ORIGINS} origins (got ${origins.length})` : undefined;
}

/** Whether the text is an origin as browsers send it: a scheme, a host in lower case, and a port unless it is the default. */
function isOrigin(text: string): boolean {
  return /^https?:[^*]+$/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

export const httpApiVariables = {
  HTTP_API: z.enum(['on', 'off'], 'must be on or off').optional(),
  HTTP_CORS_ORIGINS: corsOrigins.prefault(''),
  CONSOLE: z.enum(['on', 'off'], 'must be on or off').optional(),
};

/** The variables that say whether the admin API is served over HTTP. */
interface HttpApiSwitch {
  readonly HTTP_API?: string | undefined;
  readonly ADMIN_TLS_CLIENT_CA_FILE?: string | undefined;
  readonly HTTP_TLS_CLIENT_CA_FILE?: string | undefined;
}

type HttpApiEnvironment = z.infer<z.ZodObject<typeof httpApiVariables>> &
  HttpApiSwitch & { readonly WEIR_ROLE: string };

/**
 * Reads how the admin API is served over HTTP. undefined: not at all. Unless HTTP_API says so, HTTP_ADDRESS does not serve it
 * to clients without a certificate while ADMIN_ADDRESS asks for one.
 */
export function readHttpApiConfig(env: HttpApiEnvironment): HttpApiConfig | undefined {
  if (env.WEIR_ROLE === 'decision' || !isHttpApiOn(env)) return undefined;
  return { corsOrigins: env.HTTP_CORS_ORIGINS, hasConsole: env.CONSOLE !== 'off' };
}

function isHttpApiOn(env: HttpApiSwitch): boolean {
  const isWeaker = env.ADMIN_TLS_CLIENT_CA_FILE !== undefined && env.HTTP_TLS_CLIENT_CA_FILE === undefined;
  return env.HTTP_API === undefined ? !isWeaker : env.HTTP_API === 'on';
}

/** Finds a console that is asked for, although the admin API, which it calls, is off. */
export function findConsoleConflicts(values: Readonly<Record<string, string | undefined>>): readonly string[] {
  if (values.CONSOLE !== 'on' || values.WEIR_ROLE === 'decision' || isHttpApiOn(values)) return [];
  if (values.HTTP_API !== undefined) return ['CONSOLE: needs HTTP_API=on, because its pages call the admin API'];
  return [
    'CONSOLE: needs HTTP_API=on; it is off while ADMIN_TLS_CLIENT_CA_FILE is set and HTTP_TLS_CLIENT_CA_FILE is not',
  ];
}
