import type { ComponentChildren } from 'preact';

/** Names and values of one thing, such as an account. */
export function DetailsList({ entries }: { readonly entries: readonly (readonly [string, ComponentChildren])[] }) {
  return (
    <dl class="details">
      {entries.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
