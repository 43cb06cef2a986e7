import { formatCount } from '../format/numbers.ts';

interface Props {
  /** What is counted, for screen readers. */
  readonly label: string;
  readonly used: number;
  readonly limit: number;
}

/** How much of a limit is used. */
export function UsageMeter({ label, used, limit }: Props) {
  return (
    <span class="usage-meter">
      <meter min={0} max={limit} high={limit * 0.8} optimum={0} value={used} aria-label={label} />
      <span>
        {formatCount(used)} of {formatCount(limit)}
      </span>
    </span>
  );
}
