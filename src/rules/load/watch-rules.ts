import type { RuleBook } from '../../domain/rules/rule-book.ts';
import type { RulesFailure, RulesState } from '../../domain/rules/rules-state.ts';
import type { Logger } from '../../interfaces/logger.ts';
import { formatFault } from '../yaml/rules-fault.ts';
import { describeFailure } from './describe-failure.ts';
import type { RulesWarning } from './find-warnings.ts';
import { fingerprintRules } from './fingerprint.ts';
import { LimitInterner } from './limit-interner.ts';
import { type LoadRequest, loadRulesInWorker } from './load-in-worker.ts';
import type { CheckedRules } from './load-rules.ts';
import { faultFields, MAX_LOGGED_FAULTS, passedOverFields } from './log-faults.ts';
import { PolledFiles } from './polled-files.ts';
import { DEFAULT_FOLDER_OPTIONS, listPassedOver, type RulesFolderOptions } from './rules-folder.ts';

export interface WatchRulesOptions {
  /** A file or a folder. */
  readonly rulesPath: string;
  /** undefined: DEFAULT_FOLDER_OPTIONS. */
  readonly folder?: RulesFolderOptions;
  /** In force until the files have no faults, if they have some at the start. undefined: such a start fails. */
  readonly initialBook?: RuleBook | undefined;
  readonly log: Logger;
  /** Called after each change of the files. `isSuccess` is false when the new rules have faults. */
  readonly onReload: (isSuccess: boolean) => void;
}

/** Rules that are reloaded when their files change. */
export interface WatchedRules {
  /** The book in force. A successful reload replaces it; a book itself never changes. */
  readonly book: RuleBook;
  readonly state: RulesState;
  /** Resolves once no more files are read. */
  stop(): Promise<void>;
}

/** Lines about warnings for one load. A folder can have any number of files. */
const MAX_LOGGED_FILES = 20;

/** A book, with the limits that the next one reuses. */
interface LoadedRules extends CheckedRules {
  readonly interner: LimitInterner;
  readonly loadTime: Date;
}

/**
 * Loads the rules and watches their files. Throws InvalidRules if they have faults at the start, unless there is an initial
 * book.
 */
export async function watchRules(options: WatchRulesOptions): Promise<WatchedRules> {
  const { rulesPath, folder = DEFAULT_FOLDER_OPTIONS, log, onReload } = options;
  const request: LoadRequest = { rulesPath, options: folder };
  const load = async (previous?: LoadedRules): Promise<LoadedRules> => {
    const interner = new LimitInterner(previous?.interner);
    const checked = await loadRulesInWorker(request, interner);
    return { ...checked, interner, loadTime: new Date() };
  };
  let failure: RulesFailure | undefined;
  const fingerprint = () => fingerprintRules(rulesPath, folder);
  const firstFingerprint = await fingerprint();
  const first = await load().catch((error: unknown) => {
    failure = describeFailure(error, rulesPath);
    return startWithout(error, options);
  });
  logWarnings(first.warnings, log);
  const passedOver = await listPassedOver(rulesPath, folder);
  if (passedOver.length > 0) log.info(passedOverFields(passedOver), 'files in the rules folder were passed over');
  const files = new PolledFiles<LoadedRules>(
    {
      fingerprint,
      load,
      async onLoaded({ book, warnings, interner }) {
        failure = undefined;
        interner.dropPrevious();
        const passedOver = await listPassedOver(rulesPath, folder);
        logWarnings(warnings, log);
        log.info({ domains: [...book.keys()], ...passedOverFields(passedOver) }, 'rules reloaded');
        onReload(true);
      },
      onFailed(error) {
        failure = describeFailure(error, rulesPath);
        log.error(faultFields(error), 'rules reload failed; the previous rules stay in force');
        onReload(false);
      },
    },
    first,
    firstFingerprint,
  );
  files.start();
  return {
    get book() {
      return files.current.book;
    },
    get state() {
      const { files: read, version, loadTime } = files.current;
      return { files: read, version, loadTime, failure };
    },
    stop: () => files.stop(),
  };
}

/** Returns the initial book, and logs the faults of the rules. Throws them if there is no such book. */
function startWithout(error: unknown, { initialBook, log, onReload }: WatchRulesOptions): LoadedRules {
  if (initialBook === undefined) throw error;
  log.error(faultFields(error), 'the rules have faults; serving without rules');
  onReload(false);
  const sources = { files: [], version: '', loadTime: new Date() };
  return { ...sources, book: initialBook, warnings: [], interner: new LimitInterner() };
}

/** Logs the warnings of each file in one line. */
function logWarnings(warnings: readonly RulesWarning[], log: Logger): void {
  const files = Map.groupBy(warnings, ({ file }) => file);
  for (const [file, ofFile] of [...files].slice(0, MAX_LOGGED_FILES)) {
    const fields = {
      file,
      warnings: ofFile.slice(0, MAX_LOGGED_FAULTS).map(formatFault),
      warnings_in_all: ofFile.length,
    };
    log.warn(fields, 'some rules have no effect');
  }
  const omitted = files.size - MAX_LOGGED_FILES;
  if (omitted > 0) log.warn({ files: omitted }, 'rules of more files have no effect; weir check-rules lists them');
}
