import type { BrowserContext, ConsoleMessage, Request } from 'playwright-core';

/** Requests that a navigation, or the end of a page, stopped. */
const ABORTED = 'net::ERR_ABORTED';

/** Name under which pages report violations of their Content-Security-Policy to the test. */
const REPORT_VIOLATION = 'reportPolicyViolation';

/**
 * Everything that goes wrong in the pages of a browser context: errors and warnings on their consoles, uncaught errors,
 * violations of the Content-Security-Policy, requests that fail, and requests to another origin.
 */
export class BrowserProblems {
  readonly #origin: string;
  readonly #found: string[] = [];

  private constructor(origin: string) {
    this.#origin = origin;
  }

  /** Starts to collect. Call it before the context opens a page. `origin` is the only one that pages may ask. */
  static async collect(context: BrowserContext, origin: string): Promise<BrowserProblems> {
    const problems = new BrowserProblems(origin);
    context.on('console', (message) => problems.#addMessage(message));
    context.on('weberror', (error) => problems.#found.push(`uncaught ${error.error().stack ?? error.error()}`));
    context.on('requestfailed', (request) => problems.#addFailure(request));
    context.on('request', (request) => problems.#addForeignRequest(request));
    await context.exposeFunction(REPORT_VIOLATION, (violation: string) => problems.#found.push(violation));
    await context.addInitScript(`
      document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sourceFile, lineNumber }) =>
        ${REPORT_VIOLATION}(\`CSP: \${violatedDirective} blocked \${blockedURI} (\${sourceFile}:\${lineNumber})\`));
    `);
    return problems;
  }

  /** The problems so far, in the order in which they occurred. */
  get found(): readonly string[] {
    return this.#found;
  }

  /**
   * Removes the problems that match, because the test provokes them. Throws if there are none: the test would otherwise
   * no longer provoke what it names.
   */
  forgive(pattern: RegExp): void {
    const others = this.#found.filter((problem) => !pattern.test(problem));
    if (others.length === this.#found.length) {
      throw new Error(`problems of the browser: must contain ${pattern} (got ${JSON.stringify(this.#found)})`);
    }
    this.#found.splice(0, Number.POSITIVE_INFINITY, ...others);
  }

  #addMessage(message: ConsoleMessage): void {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    const { url, lineNumber } = message.location();
    this.#found.push(`console ${message.type()}: ${message.text()} (${url}:${lineNumber})`);
  }

  #addFailure(request: Request): void {
    const errorText = request.failure()?.errorText;
    if (errorText !== ABORTED) this.#found.push(`${request.method()} ${request.url()} failed: ${errorText}`);
  }

  #addForeignRequest(request: Request): void {
    const { origin, protocol } = new URL(request.url());
    if (protocol === 'data:' || protocol === 'blob:' || origin === this.#origin) return;
    this.#found.push(`${request.method()} ${request.url()}: a request to another origin`);
  }
}
