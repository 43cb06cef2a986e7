import { Badge } from './badge.tsx';

/** Whether an issuer or a webhook is in use. */
export function StateBadge({ isDisabled = false }: { readonly isDisabled: boolean | undefined }) {
  return isDisabled ? <Badge tone="bad" text="disabled" /> : <Badge tone="good" text="active" />;
}
