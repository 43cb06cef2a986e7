import { useEffect, useRef } from 'preact/hooks';
import { CopyButton } from '../copy-button.tsx';

interface Props {
  /** What it is, such as `Secret of the key`. */
  readonly label: string;
  readonly secret: string;
  /** What to do if it is lost. */
  readonly ifLost: string;
}

/** A secret that Weir returns only once. It is gone when this is no longer rendered. */
export function SecretOnce({ label, secret, ifLost }: Props) {
  const group = useRef<HTMLFieldSetElement>(null);
  useEffect(() => group.current?.querySelector('button')?.focus(), []);
  return (
    <fieldset ref={group} class="secret-once">
      <legend>{label}</legend>
      <code class="secret">{secret}</code>
      <CopyButton text={secret} />
      <p class="hint">Copy it now: it is not shown again. {ifLost}</p>
    </fieldset>
  );
}
