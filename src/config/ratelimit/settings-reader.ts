import type { ConfigWarning } from '../find-warnings.ts';
import { readableFile } from '../formats.ts';
import { parseGoBoolean, parseGoDuration } from './go-values.ts';

/** Reads variables of envoyproxy/ratelimit and collects their faults. Empty variables count as unset. */
export class SettingsReader {
  readonly faults: string[] = [];
  readonly warnings: ConfigWarning[] = [];
  readonly #environment: Readonly<Record<string, string | undefined>>;

  constructor(environment: Readonly<Record<string, string | undefined>>) {
    this.#environment = environment;
  }

  /** undefined: the variable is not set. */
  read(name: string): string | undefined {
    return this.#environment[name] || undefined;
  }

  text(name: string, defaultValue: string): string {
    return this.read(name) ?? defaultValue;
  }

  /** Reads one of several words, in any case. Returns it in upper case. */
  word<Word extends string>(name: string, words: readonly Word[], defaultWord: Word): Word {
    const text = this.read(name);
    if (text === undefined) return defaultWord;
    const found = words.find((word) => word === text.toUpperCase());
    if (found !== undefined) return found;
    this.fault(name, `must be one of ${words.join(', ')}`);
    return defaultWord;
  }

  flag(name: string, defaultValue: boolean): boolean {
    return this.#parse(name, defaultValue, parseGoBoolean, 'must be true or false');
  }

  port(name: string, defaultValue: number): number {
    const parse = (text: string) => (/^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined);
    return this.#parse(name, defaultValue, parse, 'must be a port from 0 to 65535');
  }

  /** Reads a number from `min` to `max`. */
  number(name: string, defaultValue: number, min: number, max: number): number {
    const parse = (text: string) => {
      const number = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
      return number >= min && number <= max ? number : undefined;
    };
    return this.#parse(name, defaultValue, parse, `must be a number from ${min} to ${max}`);
  }

  /** Reads a duration of Go, in ms. */
  duration(name: string, defaultMs: number): number {
    return this.#parse(name, defaultMs, parseGoDuration, 'must be a duration, such as 150us, 10s or 1h30m');
  }

  /** Reads the path of a file, which must be readable. undefined: the variable is not set. */
  file(name: string): string | undefined {
    const file = this.read(name);
    if (file !== undefined && !readableFile.safeParse(file).success) {
      this.fault(name, 'must be the path of a readable file');
    }
    return file;
  }

  fault(name: string, description: string): void {
    this.faults.push(`${name}: ${description}`);
  }

  warn(variable: string, message: string): void {
    this.warnings.push({ fields: { variable }, message });
  }

  #parse<Value>(
    name: string,
    defaultValue: Value,
    parse: (text: string) => Value | undefined,
    expected: string,
  ): Value {
    const text = this.read(name);
    if (text === undefined) return defaultValue;
    const value = parse(text);
    if (value === undefined) this.fault(name, expected);
    return value ?? defaultValue;
  }
}
