import { useEffect, useRef, useState } from 'preact/hooks';
import type { GetOverviewResponseJson } from '../../generated/weir/admin/v1/overview_service_pb.js';
import { computeInterval, type Interval } from './rates.ts';

/** With a reading every 2 s, 5 minutes. */
const MAX_INTERVALS = 150;

/** The intervals between the readings since the page was opened, the latest last. */
export function useIntervals(reading: GetOverviewResponseJson | undefined): readonly Interval[] {
  const earlier = useRef<GetOverviewResponseJson>();
  const [intervals, setIntervals] = useState<readonly Interval[]>([]);
  useEffect(() => {
    if (reading === undefined) return;
    const interval = earlier.current && computeInterval(earlier.current, reading);
    earlier.current = reading;
    if (interval !== undefined) setIntervals((known) => [...known, interval].slice(-MAX_INTERVALS));
  }, [reading]);
  return intervals;
}
