import { useState } from 'preact/hooks';

/** Copies a text, and says so. */
export function CopyButton({ text, label = 'Copy' }: { readonly text: string; readonly label?: string }) {
  const [state, setState] = useState<'ready' | 'copied' | 'failed'>('ready');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setState('copied');
    } catch {
      setState('failed'); // browsers offer the clipboard over https and on loopback only
    }
  };
  return (
    <button type="button" onClick={() => void copy()}>
      <span aria-live="polite">{{ ready: label, copied: 'Copied', failed: 'Select and copy it by hand' }[state]}</span>
    </button>
  );
}
