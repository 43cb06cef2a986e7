/** One thing that is wrong with a rules file, and where. */
export interface RulesFault {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  readonly description: string;
}

/** The way to a value from the top of its file, the last step first; undefined is the top itself. */
export type YamlLocation = { readonly parent: YamlLocation; readonly step: string | number } | undefined;

/** Takes what is wrong while values are gone through. */
export interface FaultSink {
  /** How many it has taken. */
  readonly count: number;
  /** Of the value at the location; where nothing is written there, of the map that lacks it. */
  at(location: YamlLocation, description: string): void;
  /** Of a field's name, and not of its value. */
  atKey(map: YamlLocation, key: string, description: string): void;
  /** From here on the field is told by the name that it was probably meant to have. */
  rename(map: YamlLocation, key: string, meant: string): void;
}
