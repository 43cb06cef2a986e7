import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import type { ApiAnswer } from '../endpoints/api-gate.ts';
import { sendText } from '../serve-routes.ts';

/** An answer of the admin API whose body has been read. */
export interface ReadAnswer extends Pick<ApiAnswer, 'status' | 'header'> {
  readonly text: string;
}

const errorBody = z.object({
  details: z.array(z.object({ debug: z.object({ reason: z.string() }).partial() }).partial()),
});

/** A google.rpc.ErrorInfo with the reason TOKEN_MISSING and the domain weir, in base64. */
const TOKEN_MISSING_INFO = Buffer.from('\n\rTOKEN_MISSING\x12\x04weir').toString('base64');

/** Reads the whole body of an answer. */
export async function readAnswer({ status, header, body }: ApiAnswer): Promise<ReadAnswer> {
  return { status, ...(header && { header }), text: await text(Readable.from(body ?? [])) };
}

/** Sends an answer whose body has been read. */
export function sendReadAnswer(response: ServerResponse, { status, header, text: body }: ReadAnswer): void {
  for (const [name, value] of header ?? []) response.setHeader(name, value);
  response.setHeader('content-length', Buffer.byteLength(body));
  response.writeHead(status).end(body);
}

/**
 * Whether an answer says that the access token does not work (any more). A wrong password or code is unauthenticated as well,
 * and the session goes on.
 */
export function isTokenRejected({ status, text: body }: ReadAnswer): boolean {
  if (status !== 401) return false;
  const reasons = errorBody.safeParse(JSON.parse(body)).data?.details.map(({ debug }) => debug?.reason) ?? [];
  return reasons.some((reason) => reason === 'TOKEN_INVALID' || reason === 'TOKEN_MISSING');
}

/** Answers as the admin API answers a call without an access token. */
export function sendSignedOut(response: ServerResponse): void {
  const debug = { reason: 'TOKEN_MISSING', domain: 'weir' };
  const details = [{ type: 'google.rpc.ErrorInfo', value: TOKEN_MISSING_INFO, debug }];
  const message = 'session: there is none, or it has ended; sign in';
  sendText(response, 401, JSON.stringify({ code: 'unauthenticated', message, details }), 'application/json');
}
