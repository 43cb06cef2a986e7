/** Writes a time for an input of the type `datetime-local`, in the viewer's time zone, to the second. Empty: none. */
export function toLocalInput(time: string | undefined): string {
  if (time === undefined) return '';
  const date = new Date(time);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

/** Reads the value of an input of the type `datetime-local`. undefined: it is empty or no time. */
export function fromLocalInput(value: string): string | undefined {
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
