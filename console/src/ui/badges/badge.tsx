export type Tone = 'good' | 'bad' | 'warning' | 'neutral';

/** A short state, such as `disabled`. The text alone says it; the colour only helps. */
export function Badge({ tone, text }: { readonly tone: Tone; readonly text: string }) {
  return <span class={`badge badge-${tone}`}>{text}</span>;
}
