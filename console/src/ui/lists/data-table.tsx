import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import { formatCount } from '../../format/numbers.ts';

export interface Column<T> {
  readonly title: string;
  readonly cell: (row: T) => ComponentChildren;
  readonly isNumber?: boolean;
}

interface Props<T> {
  /** What the table lists, for screen readers. */
  readonly caption: string;
  /** A constant, for tables that can be long: known rows are then not rendered again when more are added. */
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly rowKey: (row: T) => string;
  /** Below the rows, such as the number of those that are left out. */
  readonly children?: ComponentChildren;
}

const ROWS_PER_PART = 100;
/** A browser lays out all rows of a table anew for each part that is added, which takes a second for 10,000. */
const MAX_PARTS = 20;

/** A table that scrolls within itself on narrow screens. Of more than 2,000 rows, it shows the last ones. */
export function DataTable<T>({ caption, columns, rows, rowKey, children }: Props<T>) {
  const parts = splitRows(rows);
  const firstPart = Math.max(0, parts.length - MAX_PARTS);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard scrolls wide tables
    <section class="table-scroll" aria-label={caption} tabIndex={0}>
      <table>
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ title, isNumber }) => (
              <th key={title} scope="col" class={isNumber ? 'number' : undefined}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        {parts.slice(firstPart).map((part, index) => (
          <TableRows key={firstPart + index} rows={part} columns={columns} rowKey={rowKey} />
        ))}
      </table>
      {firstPart > 0 && (
        <p class="more">
          The first {formatCount(firstPart * ROWS_PER_PART)} rows are no longer shown. Filters find them again.
        </p>
      )}
      {children}
    </section>
  );
}

type RowsProps<T> = Pick<Props<T>, 'rows' | 'columns' | 'rowKey'>;

/** Rows that stay the same are not rendered again, so that adding some to thousands takes no longer than the first ones. */
function TableRows<T>({ rows, columns, rowKey }: RowsProps<T>) {
  return useMemo(
    () => (
      <tbody>
        {rows.map((row) => (
          <tr key={rowKey(row)}>
            {columns.map(({ title, cell, isNumber }) => (
              <td key={title} class={isNumber ? 'number' : undefined}>
                {cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    ),
    [columns, ...rows],
  );
}

function splitRows<T>(rows: readonly T[]): readonly (readonly T[])[] {
  const count = Math.ceil(rows.length / ROWS_PER_PART);
  return Array.from({ length: count }, (_, part) => rows.slice(part * ROWS_PER_PART, (part + 1) * ROWS_PER_PART));
}
