import type { ComponentChildren } from 'preact';

interface Props {
  /** What is not there, such as `No account matches this filter.` */
  readonly text: string;
  /** The command that fills the list. undefined: none does. */
  readonly command?: string | undefined;
  readonly children?: ComponentChildren;
}

/** A list without entries, and the command that fills it. */
export function EmptyState({ text, command, children }: Props) {
  return (
    <div class="empty">
      <p>{text}</p>
      {command !== undefined && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard scrolls long commands
        <pre tabIndex={0}>
          <code>{command}</code>
        </pre>
      )}
      {children}
    </div>
  );
}
