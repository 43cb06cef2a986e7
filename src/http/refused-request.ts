/** A request that is refused before it is decided. */
export class RefusedRequest extends Error {
  override readonly name = 'RefusedRequest';
  /** HTTP status. */
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}
