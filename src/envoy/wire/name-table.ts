interface TableEntry {
  readonly name: Buffer;
  readonly index: number;
}

/**
 * Lower-case names, grouped by length. The length alone rules out nearly every string that is not in the table.
 * `WireReader.findNameAt` searches it.
 */
export type NameTable = readonly (readonly TableEntry[] | undefined)[];

/**
 * Builds a table in which each name has the index that it has in `names`. An `undefined` item reserves its index: no
 * string matches it.
 */
export function buildNameTable(names: readonly (string | undefined)[]): NameTable {
  const byLength: TableEntry[][] = [];
  for (const [index, text] of names.entries()) {
    if (text === undefined) continue;
    const name = Buffer.from(text);
    const sameLength = byLength[name.length];
    if (sameLength === undefined) byLength[name.length] = [{ name, index }];
    else sameLength.push({ name, index });
  }
  return Array.from(byLength); // a copy without holes: arrays with holes are slow to read
}
