import { useEffect, useRef } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { writeUrl } from '../format/urls.ts';
import './tabs.css';

interface Props {
  /** What the tabs belong to, for screen readers. */
  readonly label: string;
  /** Values of `tab` in the URL, and what people read. The first one is shown without `tab`. */
  readonly tabs: readonly (readonly [tab: string, text: string])[];
}

/** Links to the parts of a page. Each part has a URL: the page's with `?tab=`. */
export function Tabs({ label, tabs }: Props) {
  const { path } = useLocation();
  const current = useTab(tabs);
  const nav = useRef<HTMLElement>(null);
  // On narrow screens, the tab of a link may be out of sight.
  useEffect(() => nav.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' }), [current]);
  return (
    <nav ref={nav} class="tabs" aria-label={label}>
      <ul>
        {tabs.map(([tab, text], index) => (
          <li key={tab}>
            <a
              href={writeUrl(path, { tab: index === 0 ? '' : tab })}
              aria-current={tab === current ? 'page' : undefined}
            >
              {text}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** The tab that the URL names; the first one if it names none of them. */
export function useTab(tabs: Props['tabs']): string {
  const { query } = useLocation();
  const [tab] = tabs.find(([name]) => name === query.tab) ?? tabs[0] ?? [''];
  return tab;
}
