import { Command } from 'ioredis';

const REPLY_AS_BUFFER = { replyEncoding: null };

/**
 * Runs a script; the reply is a Buffer. The command encodes itself, because ioredis copies and scans all arguments four
 * times.
 */
export class ScriptCommand extends Command {
  readonly #encoded: string;

  /** `script`: the text for EVAL, the SHA-1 for EVALSHA. */
  constructor(name: 'EVAL' | 'EVALSHA', script: string, args: readonly (number | string)[]) {
    super(name, [], REPLY_AS_BUFFER);
    let encoded = `*${2 + args.length}\r\n${encodeBulkString(name)}${encodeBulkString(script)}`;
    for (const arg of args) encoded += encodeBulkString(String(arg));
    this.#encoded = encoded;
  }

  /** Returns the bytes that ioredis writes to the socket. */
  override toWritable(): string {
    return this.#encoded;
  }
}

/** Encodes a bulk string of the Redis protocol (redis.io, "Redis serialization protocol specification"). */
function encodeBulkString(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
}
