import { describe, expect, it } from 'vitest';
import { createQuery, openDatabase } from '../../../src/database/open-database.ts';
import type { Query } from '../../../src/interfaces/query.ts';
import { newDatabase } from '../../support/databases.ts';
import { UNAUDITED_TABLES, UNRECORDED } from './audited-columns.ts';

const LIST = 'test/database/audit/audited-columns.ts';
const ADVICE =
  'Record it: let your migration call auditTable (migrations/audited-table.ts) with all recorded fields of the table. ' +
  `If it must not be in the audit trail, list it in ${LIST}: as a secret, or as left out.`;

/** The columns with a recorded change, by table: those for which the trigger of the audit trail fires. */
async function readRecordedColumns(query: Query): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const rows = (await query(
    `select event_object_table as "table", event_object_column as "column" from information_schema.triggered_update_columns
     where trigger_name = event_object_table || '_audit'`,
    [],
  )) as { table: string; column: string }[];
  return new Map(
    Object.entries(Object.groupBy(rows, ({ table }) => table)).map(([table, columns = []]) => [
      table,
      new Set(columns.map(({ column }) => column)),
    ]),
  );
}

describe('the audit trail', () => {
  it('records each column of each table, or lists why it does not', async () => {
    const database = await openDatabase({ url: await newDatabase() });
    try {
      const recorded = await readRecordedColumns(createQuery(database));
      const faults = [...database.getMetadata().getAll().values()].flatMap(({ tableName, props }) => {
        const names = props.flatMap(({ fieldNames }) => fieldNames);
        return findFaults(tableName, names, recorded.get(tableName));
      });
      expect(faults).toEqual([]);
    } finally {
      await database.close(true);
    }
  });
});

/** Describes the columns of a table for which nobody has decided, or that the lists contradict. */
function findFaults(
  table: string,
  columns: readonly string[],
  recorded: ReadonlySet<string> | undefined,
): readonly string[] {
  if (Object.hasOwn(UNAUDITED_TABLES, table)) {
    return recorded === undefined ? [] : [`${table}: has a trigger, so remove it from UNAUDITED_TABLES in ${LIST}`];
  }
  if (recorded === undefined) return [`${table}: no trigger records its changes. ${ADVICE}`];
  const { secret = [], leftOut = [] } = UNRECORDED[table] ?? {};
  return [
    ...columns
      .filter((column) => !recorded.has(column) && ![...secret, ...leftOut].includes(column))
      .map((column) => `${table}.${column}: is not recorded. ${ADVICE}`),
    ...leftOut
      .filter((column) => recorded.has(column))
      .map((column) => `${table}.${column}: is recorded, so remove it from the list in ${LIST}`),
    ...[...secret, ...leftOut]
      .filter((column) => !columns.includes(column))
      .map((column) => `${table}.${column}: is not a column, so remove it from the list in ${LIST}`),
  ];
}
