/** What may not work as intended. Nothing without warnings. */
export function Warnings({ warnings = [] }: { readonly warnings: readonly string[] | undefined }) {
  if (warnings.length === 0) return null;
  return (
    <div class="message message-warning" role="status">
      <ul>
        {warnings.map((warning) => (
          <li key={warning}>{warning}</li>
        ))}
      </ul>
    </div>
  );
}
