import type { ComponentType } from 'preact';
import { lazy } from 'preact-iso';

export interface PageEntry {
  /** Below /console. */
  readonly path: string;
  /** The text of its link in the navigation. undefined: only other pages link to it. */
  readonly title?: string;
  readonly component: ComponentType;
}

const NotFoundPage = lazy(() => import('../pages/not-found-page.tsx').then((module) => module.NotFoundPage));

const KEY: PageEntry = {
  path: '/keys/:id',
  component: lazy(() => import('../pages/keys/key-page.tsx').then((module) => module.KeyPage)),
};

/** The banner links to it. */
const PROFILE: PageEntry = {
  path: '/profile',
  component: lazy(() => import('../pages/profile/profile-page.tsx').then((module) => module.ProfilePage)),
};

/** Pages of administrators, in the order of the navigation. Each loads when it is first opened. */
export const ADMIN_PAGES: readonly PageEntry[] = [
  {
    path: '/',
    title: 'Overview',
    component: lazy(() => import('../pages/overview/overview-page.tsx').then((module) => module.OverviewPage)),
  },
  {
    path: '/accounts',
    title: 'Accounts',
    component: lazy(() => import('../pages/accounts/accounts-page.tsx').then((module) => module.AccountsPage)),
  },
  {
    path: '/accounts/:id',
    component: lazy(() => import('../pages/account/account-page.tsx').then((module) => module.AccountPage)),
  },
  {
    path: '/keys',
    title: 'Keys',
    component: lazy(() => import('../pages/keys/keys-page.tsx').then((module) => module.KeysPage)),
  },
  KEY,
  {
    path: '/plans',
    title: 'Plans',
    component: lazy(() => import('../pages/plans/plans-page.tsx').then((module) => module.PlansPage)),
  },
  {
    path: '/plans/:id',
    component: lazy(() => import('../pages/plans/plan-page.tsx').then((module) => module.PlanPage)),
  },
  {
    path: '/rules',
    title: 'Rules',
    component: lazy(() => import('../pages/rules/rules-page.tsx').then((module) => module.RulesPage)),
  },
  {
    path: '/explain',
    title: 'Explain',
    component: lazy(() => import('../pages/explain/explain-page.tsx').then((module) => module.ExplainPage)),
  },
  {
    path: '/live',
    title: 'Live',
    component: lazy(() => import('../pages/live/live-page.tsx').then((module) => module.LivePage)),
  },
  {
    path: '/audit',
    title: 'Audit',
    component: lazy(() => import('../pages/audit/audit-page.tsx').then((module) => module.AuditPage)),
  },
  {
    path: '/issuers',
    title: 'Issuers',
    component: lazy(() => import('../pages/issuers/issuers-page.tsx').then((module) => module.IssuersPage)),
  },
  {
    path: '/issuers/:id',
    component: lazy(() => import('../pages/issuers/issuer-page.tsx').then((module) => module.IssuerPage)),
  },
  {
    path: '/tokens',
    title: 'Tokens',
    component: lazy(() => import('../pages/tokens/tokens-page.tsx').then((module) => module.TokensPage)),
  },
  {
    path: '/signing-keys',
    title: 'Signing keys',
    component: lazy(() =>
      import('../pages/signing-keys/signing-keys-page.tsx').then((module) => module.SigningKeysPage),
    ),
  },
  {
    path: '/webhooks',
    title: 'Webhooks',
    component: lazy(() => import('../pages/webhooks/webhooks-page.tsx').then((module) => module.WebhooksPage)),
  },
  {
    path: '/webhooks/:id',
    component: lazy(() => import('../pages/webhooks/webhook-page.tsx').then((module) => module.WebhookPage)),
  },
  {
    path: '/status',
    title: 'Status',
    component: lazy(() => import('../pages/status/status-page.tsx').then((module) => module.StatusPage)),
  },
  PROFILE,
];

/** Pages of all other accounts: their own account only. */
export const CUSTOMER_PAGES: readonly PageEntry[] = [
  {
    path: '/',
    title: 'Usage',
    component: lazy(() => import('../pages/mine/my-usage-page.tsx').then((module) => module.MyUsagePage)),
  },
  {
    path: '/keys',
    title: 'Keys',
    component: lazy(() => import('../pages/mine/my-keys-page.tsx').then((module) => module.MyKeysPage)),
  },
  KEY,
  {
    path: '/sessions',
    title: 'Sessions',
    component: lazy(() => import('../pages/mine/my-sessions-page.tsx').then((module) => module.MySessionsPage)),
  },
  { ...PROFILE, title: 'Profile' },
];

export { NotFoundPage };
