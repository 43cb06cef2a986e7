import { parsePairs } from './go-values.ts';
import type { SettingsReader } from './settings-reader.ts';

/** The server that sends the rules, over xDS. */
export interface XdsConfig {
  /** `host:port`, or another target of gRPC. */
  readonly target: string;
  readonly nodeId: string;
  readonly nodeMetadata: ReadonlyMap<string, string>;
  /** Headers of the stream. */
  readonly headers: ReadonlyMap<string, string>;
  /** undefined: in clear. */
  readonly tls: XdsTls | undefined;
  /** Largest message, in bytes. */
  readonly maxMessageBytes: number;
  readonly backoff: XdsBackoff;
}

export interface XdsTls {
  /** undefined: the authorities that Node.js knows. */
  readonly caFile: string | undefined;
  /** undefined: the client shows no certificate. */
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  /** The name that the certificate of the server must have. undefined: the host of the target. */
  readonly serverName: string | undefined;
}

/** Waits between streams, in ms. */
export interface XdsBackoff {
  readonly initialMs: number;
  readonly maxMs: number;
  readonly hasJitter: boolean;
}

/** The limit of gRPC for Go. */
const DEFAULT_MESSAGE_BYTES = 4 * 1024 * 1024;
const MAX_MESSAGE_BYTES = 256 * 1024 * 1024;
const MIN_BACKOFF_MS = 100;

export function readXdsSettings(settings: SettingsReader): XdsConfig {
  const initialMs = Math.max(MIN_BACKOFF_MS, settings.duration('XDS_CLIENT_BACKOFF_INITIAL_INTERVAL', 10_000));
  const maxMs = settings.duration('XDS_CLIENT_BACKOFF_MAX_INTERVAL', 60_000);
  if (settings.read('XDS_CLIENT_BACKOFF_RANDOM_FACTOR') !== undefined) {
    settings.warn('XDS_CLIENT_BACKOFF_RANDOM_FACTOR', 'this variable has no effect; each wait is twice the one before');
  }
  if (settings.read('CONFIG_GRPC_XDS_SERVER_CONNECT_RETRY_INTERVAL') !== undefined) {
    const message = 'this variable has no effect; XDS_CLIENT_BACKOFF_INITIAL_INTERVAL says when to connect again';
    settings.warn('CONFIG_GRPC_XDS_SERVER_CONNECT_RETRY_INTERVAL', message);
  }
  return {
    target: settings.text('CONFIG_GRPC_XDS_SERVER_URL', 'localhost:18000'),
    nodeId: settings.text('CONFIG_GRPC_XDS_NODE_ID', 'default'),
    nodeMetadata: readPairs('CONFIG_GRPC_XDS_NODE_METADATA', '=', settings),
    headers: readPairs('CONFIG_GRPC_XDS_CLIENT_ADDITIONAL_HEADERS', ':', settings),
    tls: readTls(settings),
    maxMessageBytes: settings.number(
      'XDS_CLIENT_MAX_MSG_SIZE_IN_BYTES',
      DEFAULT_MESSAGE_BYTES,
      1024,
      MAX_MESSAGE_BYTES,
    ),
    backoff: {
      initialMs,
      maxMs: Math.max(initialMs, maxMs),
      hasJitter: settings.flag('XDS_CLIENT_BACKOFF_JITTER', true),
    },
  };
}

function readPairs(name: string, separator: string, settings: SettingsReader): ReadonlyMap<string, string> {
  const text = settings.read(name);
  const pairs = text === undefined ? new Map<string, string>() : parsePairs(text, separator);
  if (pairs !== undefined) return pairs;
  settings.fault(name, `must be pairs such as key1${separator}value1,key2${separator}value2`);
  return new Map();
}

function readTls(settings: SettingsReader): XdsTls | undefined {
  if (!settings.flag('CONFIG_GRPC_XDS_SERVER_USE_TLS', false)) return undefined;
  const [certFile, keyFile] = [
    settings.file('CONFIG_GRPC_XDS_CLIENT_TLS_CERT'),
    settings.file('CONFIG_GRPC_XDS_CLIENT_TLS_KEY'),
  ];
  if ((certFile === undefined) !== (keyFile === undefined)) {
    settings.fault('CONFIG_GRPC_XDS_CLIENT_TLS_KEY', 'must be set together with CONFIG_GRPC_XDS_CLIENT_TLS_CERT');
  }
  const caFile = settings.file('CONFIG_GRPC_XDS_SERVER_TLS_CACERT');
  return { caFile, certFile, keyFile, serverName: settings.read('CONFIG_GRPC_XDS_SERVER_TLS_SAN') };
}
