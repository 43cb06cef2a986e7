import { Page } from '../ui/page.tsx';

export function NotFoundPage() {
  return (
    <Page title="No such page">
      <p>
        There is nothing at this address, or your account may not see it. <a href="/console/">Go to the first page.</a>
      </p>
    </Page>
  );
}
