/** What a peer may ask of one connection. */
export const LIMITS = {
  /** SETTINGS_MAX_CONCURRENT_STREAMS; streams beyond it are refused. */
  concurrentStreams: 1024,
  /**
   * Requests handed on and not settled, those included whose stream the peer has reset: from there on reading pauses.
   * Above `concurrentStreams`, so that requests that wait for their own DATA cannot keep it from being read.
   */
  outstandingRequests: 2048,
  /** Bytes of output that the peer has not taken: from there on reading pauses. */
  pendingOutput: 256 * 1024,
  /** SETTINGS_MAX_HEADER_LIST_SIZE; a larger request is answered with 431, one larger by far ends the connection. */
  headerListSize: 16 * 1024,
  headerListBomb: 64 * 1024,
  /** Of one header block as it is encoded; beyond it the connection ends. */
  headerBlockLength: 64 * 1024,
  continuationFrames: 32,
  /**
   * ms for the peer to finish what it has begun: its preface, a frame, a header block (until then nothing else may come
   * on the connection, which ends), a request's body, or making room for a response (the stream is reset). Who asks for
   * decisions waits for tens of ms, so nobody is left to whom the rest would matter.
   */
  unfinished: 10_000,
  /** Receive windows, in bytes. */
  connectionWindow: 1024 * 1024,
  streamWindow: 256 * 1024,
  /** SETTINGS and DATA without data, which no well-behaved peer sends in numbers: beyond it the connection ends. */
  control: { burst: 1000, perSecond: 100 },
  /**
   * Frames that well-behaved peers send in numbers, and that bring no request: beyond it reading pauses. A proxy resets
   * calls that time out, thousands at once when we are slow, and must not lose its connection for it; grpc-go measures
   * bandwidth by a PING for almost every answer.
   */
  pace: { burst: 20_000, perSecond: 100_000 },
  paceOfReset: 5,
  paceOfPing: 5,
  /** DATA frames of one request that cost nothing; more are many small ones, or a large body, where they do not matter. */
  freeDataFrames: 4,
  paceOfLargeHeaders: 50,
  /** For each KB of a body that comes to nothing. */
  paceOfWastedKilobyte: 4,
} as const;
