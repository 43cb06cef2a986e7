import type { FileFault } from '../../domain/rules/rules-state.ts';
import type { YamlLocation } from './yaml-location.ts';

/** A fault of a rules file, with its position. */
export type RulesFault = FileFault;

export function formatFault({ file, line, column, description }: RulesFault): string {
  return `${file}:${line}:${column}: ${description}`;
}

/** Receives the faults that parsers find in the values of a file. */
export interface FaultSink {
  /** Number of faults reported so far. */
  readonly count: number;
  /**
   * Reports a fault of the value at the location. If the file has no such value, the mapping that lacks it is at fault.
   */
  report(location: YamlLocation, description: string): void;
  /** Reports a fault of a field's name, not of its value. */
  reportName(mapping: YamlLocation, name: string, description: string): void;
  /** Makes later reports find a misspelled field by its correct name. */
  renameField(mapping: YamlLocation, name: string, correctName: string): void;
}

/** Keeps reports in their order, for a sink that knows positions. */
export class FaultRecorder implements FaultSink {
  readonly #reports: ((sink: FaultSink) => void)[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  report(location: YamlLocation, description: string): void {
    this.#count++;
    this.#reports.push((sink) => sink.report(location, description));
  }

  reportName(mapping: YamlLocation, name: string, description: string): void {
    this.#count++;
    this.#reports.push((sink) => sink.reportName(mapping, name, description));
  }

  renameField(mapping: YamlLocation, name: string, correctName: string): void {
    this.#reports.push((sink) => sink.renameField(mapping, name, correctName));
  }

  /** Makes the same reports to another sink. */
  replay(sink: FaultSink): void {
    for (const report of this.#reports) report(sink);
  }
}
