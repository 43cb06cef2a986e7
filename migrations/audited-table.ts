/** How the changes of a table are recorded as audit events. In expressions, `$` is the row: `'plans/' || $.plan_id`. */
export interface AuditedTable {
  readonly table: string;
  /** Expression for the name of the resource, as the admin API writes it. */
  readonly resource: string;
  /** Expression for the id of the account whose users may read the events. Unset: administrators only. */
  readonly account?: string;
  /** Expressions for the recorded values, by the name of the field in the admin API. */
  readonly fields: Readonly<Record<string, string>>;
  /** Expressions whose values are never recorded, but that they have changed is. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Condition under which a change is not recorded, because another event says the same. */
  readonly unless?: string;
  /** Condition on `old` under which a deletion is recorded. Unset: always; `false`: never. */
  readonly deletedWhen?: string;
}

/**
 * The statements that record the changes of a table, or record them in another way than before. They name all columns in
 * `fields` and `secrets`, so an update of other columns costs nothing. Migrations that were released call this function, so
 * it must keep returning the same.
 */
export function auditTable(audited: AuditedTable): readonly string[] {
  const { table, deletedWhen } = audited;
  const execute = `for each row execute function audit_${table}()`;
  const whenDeleted = deletedWhen === undefined ? execute : execute.replace('execute', `when (${deletedWhen}) execute`);
  return [
    createStatementFunction(audited),
    createRowFunction(audited),
    ...dropTriggers(table),
    `create trigger ${table}_audit_insert after insert on ${table} referencing new table as new_rows
      for each statement execute function audit_statement_${table}()`,
    `create trigger ${table}_audit_truncate after truncate on ${table}
      for each statement execute function audit_statement_${table}()`,
    `create trigger ${table}_audit after update of ${listColumns(audited).join(', ')} on ${table} ${execute}`,
    ...(deletedWhen === 'false'
      ? []
      : [`create trigger ${table}_audit_delete after delete on ${table} ${whenDeleted}`]),
  ];
}

/** The statements that end the recording of a table that stays. */
export function stopAuditing(table: string): readonly string[] {
  return [...dropTriggers(table), `drop function audit_${table}()`, `drop function audit_statement_${table}()`];
}

function dropTriggers(table: string): readonly string[] {
  return ['audit', 'audit_insert', 'audit_delete', 'audit_truncate'].map(
    (name) => `drop trigger if exists ${table}_${name} on ${table}`,
  );
}

/** Of a new or deleted row, the fields that are empty are left out. */
function listFilled(row: string, fields: AuditedTable['fields'], value: 'oldValue' | 'newValue'): string {
  const image = Object.entries(fields).map(([field, expression]) => `'${field}', ${ofRow(row, expression)}`);
  return `(
    select coalesce(jsonb_agg(jsonb_build_object('field', key, '${value}', value) order by key), '[]')
    from jsonb_each(jsonb_build_object(${image.join(', ')}))
    where value not in ('null', '""', '[]', '{}', 'false'))`;
}

/** Appends the changed fields of an updated row to the variable `changes`. */
function appendChanged({ fields, secrets = {} }: AuditedTable): string {
  const values = Object.entries(fields).map(
    ([field, expression]) =>
      [
        expression,
        `'field', '${field}', 'oldValue', ${ofRow('old', expression)}, 'newValue', ${ofRow('new', expression)}`,
      ] as const,
  );
  const names = Object.entries(secrets).map(([field, expression]) => [expression, `'field', '${field}'`] as const);
  return [...values, ...names]
    .map(
      ([expression, change]) => `
        if ${ofRow('old', expression)} is distinct from ${ofRow('new', expression)} then
          changes := changes || jsonb_build_object(${change});
        end if;`,
    )
    .join('');
}

/** The statement that writes events. `from` has the changed rows as `row`. */
function insertEvents(
  { resource, account = 'null' }: Pick<AuditedTable, 'resource' | 'account'>,
  changes: string,
  from: string,
): string {
  return `
      insert into audit_event (id, create_time, actor, actor_kind, session, peer, request_id, method, result,
        resource, account_id, changes)
      select audit_event_id(at), at, coalesce(call->>'actor', case when call is null then session_user else '' end),
        coalesce(call->>'actorKind', 'DATABASE'), coalesce(call->>'session', ''), coalesce(call->>'peer', ''),
        coalesce(call->>'requestId', ''), coalesce(call->>'method', tg_op), 'OK',
        ${ofRow('row', resource)}, ${ofRow('row', account)}, ${changes} ${from};`;
}

/** `weir.call` says on whose behalf Weir changes rows (src/database/audit). Other programs do not set it. */
const VARIABLES = `
      call jsonb := nullif(current_setting('weir.call', true), '');
      at timestamptz := clock_timestamp();`;

/** One statement for all new rows, because many are created at once. A truncated table is one event. */
function createStatementFunction(audited: AuditedTable): string {
  const { table, fields, unless = 'false' } = audited;
  const newRows = `from new_rows row where not (${ofRow('row', unless)})`;
  return `
    create or replace function audit_statement_${table}() returns trigger language plpgsql as $$
    declare${VARIABLES}
    begin
      if tg_op = 'TRUNCATE' then${insertEvents({ resource: `'tables/${table}'` }, `'[]'`, '')}
      else${insertEvents(audited, listFilled('row', fields, 'newValue'), newRows)}
      end if;
      return null;
    end $$`;
}

function createRowFunction(audited: AuditedTable): string {
  const { table, fields, unless = 'false' } = audited;
  return `
    create or replace function audit_${table}() returns trigger language plpgsql as $$
    declare${VARIABLES}
      row ${table} := case tg_op when 'DELETE' then old else new end;
      changes jsonb := '[]';
    begin
      if ${ofRow('row', unless)} then return null; end if;
      if tg_op = 'DELETE' then
        changes := ${listFilled('row', fields, 'oldValue')};
      else ${appendChanged(audited)}
        if changes = '[]' then return null; end if;
      end if;${insertEvents(audited, 'changes', '')}
      return null;
    end $$`;
}

function ofRow(row: string, expression: string): string {
  return expression.replaceAll('$.', `${row}.`);
}

/** The columns that the recorded expressions read. */
function listColumns({ fields, secrets = {} }: AuditedTable): readonly string[] {
  const expressions = [...Object.values(fields), ...Object.values(secrets)];
  const columns = expressions.flatMap((expression) => [...expression.matchAll(/\$\.(\w+)/g)].map(([, name]) => name));
  return [...new Set(columns.filter((name) => name !== undefined))];
}
