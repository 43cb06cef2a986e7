const LOCAL = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

/** A time in the viewer's time zone. Pointing at it shows UTC. `–` where there is none. */
export function Time({ at }: { readonly at: string | undefined }) {
  if (at === undefined) return <span>–</span>;
  const date = new Date(at);
  return (
    <time dateTime={at} title={date.toISOString().replace('T', ' ').replace(/\.\d+/, '').replace('Z', ' UTC')}>
      {LOCAL.format(date)}
    </time>
  );
}
