/** A number that people look for first. */
export function Card({ title, value }: { readonly title: string; readonly value: string }) {
  return (
    <div class="card">
      <p class="card-title">{title}</p>
      <p class="card-value">{value}</p>
    </div>
  );
}
