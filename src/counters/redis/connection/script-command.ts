import { Command } from 'ioredis';

const REPLY_IN_BYTES = { replyEncoding: null };

/** Runs a script; the reply is a Buffer. Encoded here, as ioredis copies and looks through all arguments four times. */
export class ScriptCommand extends Command {
  readonly #encoded: string;

  /** `script`: its text for EVAL, its SHA-1 for EVALSHA. */
  constructor(name: 'EVAL' | 'EVALSHA', script: string, args: readonly (number | string)[]) {
    super(name, [], REPLY_IN_BYTES);
    let encoded = `*${2 + args.length}\r\n${bulk(name)}${bulk(script)}`;
    for (const arg of args) encoded += bulk(String(arg));
    this.#encoded = encoded;
  }

  /** As ioredis writes it to the socket. */
  override toWritable(): string {
    return this.#encoded;
  }
}

/** A bulk string of Redis' protocol (redis.io, "Redis serialization protocol specification"). */
function bulk(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
}
