/** Limits on the work and memory that a peer can demand through one connection. */
export const CONNECTION_LIMITS = {
  /** SETTINGS_MAX_CONCURRENT_STREAMS. Streams beyond it are refused with REFUSED_STREAM. */
  maxConcurrentStreams: 1024,
  /**
   * Requests passed to the application and not settled, including those whose stream the peer has reset. Reading pauses
   * when the connection reaches this number. It is above `maxConcurrentStreams`, because requests that wait for their
   * own DATA must not keep that DATA from being read.
   */
  maxOutstandingRequests: 2048,
  /** Bytes of output that the transport has not taken. Reading pauses when the connection reaches this number. */
  maxPendingOutputBytes: 256 * 1024,
  /** SETTINGS_MAX_HEADER_LIST_SIZE. A request with a larger header list gets status 431. */
  maxHeaderListSize: 16 * 1024,
  /** A header list larger than this ends the connection: it is an HPACK bomb. */
  fatalHeaderListSize: 64 * 1024,
  /** Length of one header block on the wire. A longer one ends the connection. */
  maxHeaderBlockBytes: 64 * 1024,
  /** CONTINUATION frames of one header block. More of them end the connection. */
  maxContinuationFrames: 32,
  /**
   * Time for the peer to finish what it has begun. An unfinished preface, frame or header block ends the connection,
   * because nothing else can arrive on it until then. An unfinished request body, or a response for which the peer
   * opens no window, resets the stream. Callers wait for tens of milliseconds, so by then nobody needs the rest. A
   * graceful shutdown does not wait longer for the peer's answer to its first GOAWAY.
   */
  unfinishedTimeoutMs: 10_000,
  /** Receive window of the connection. */
  connectionWindowBytes: 1024 * 1024,
  /** Receive window of each stream: SETTINGS_INITIAL_WINDOW_SIZE. */
  streamWindowBytes: 256 * 1024,
  /** SETTINGS frames, GOAWAY frames and empty DATA frames. Well-behaved peers send few. More end the connection. */
  controlFrameBudget: { burst: 1000, perSecond: 100 },
  /**
   * Units for frames that bring no request but that well-behaved peers send in large numbers. Reading pauses while the
   * budget is used up. A proxy resets calls that time out, thousands at once when this server is slow, and must not
   * lose its connection for that. grpc-go measures bandwidth with a PING for almost every response.
   */
  overheadBudget: { burst: 20_000, perSecond: 100_000 },
  /** Units of `overheadBudget` for one stream that is reset, by either side. */
  resetCost: 5,
  /** Units of `overheadBudget` for one PING. */
  pingCost: 5,
  /**
   * DATA frames of one request that cost nothing; each further one costs one unit of `overheadBudget`. A request with
   * more frames is either split into many small ones, or so large that the cost does not matter.
   */
  freeDataFramesPerRequest: 4,
  /** Units of `overheadBudget` for one request that gets status 431. */
  oversizedHeadersCost: 50,
  /** Units of `overheadBudget` for each KB of a request body that was received for nothing. */
  wastedKilobyteCost: 4,
} as const;
