import type { IssuerJson } from '../../generated/weir/admin/v1/issuer_service_pb.js';
import { StateBadge } from '../../ui/badges/state-badge.tsx';
import { DetailsList } from '../../ui/details-list.tsx';
import { Time } from '../../ui/time.tsx';
import { writeClaimPairs } from './claim-pairs.ts';
import { readKeySource } from './issuer-form.ts';

/** The settings of an issuer. */
export function IssuerDetails({ issuer }: { readonly issuer: IssuerJson }) {
  const { audiences = [], algorithms = [], issuerAliases = [], claims = {} } = issuer;
  const sources = { discovery: 'the configuration of the issuer', uri: issuer.jwksUri, stored: 'stored in Weir' };
  return (
    <DetailsList
      entries={[
        ['State', <StateBadge key="state" isDisabled={issuer.disabled} />],
        ['Claim iss', <code key="iss">{issuer.issuer}</code>],
        ['Aliases', issuerAliases.join(', ') || 'none'],
        ['Audiences', audiences.join(', ')],
        ['Claim with the audience', issuer.audienceClaim || 'aud'],
        ['Signature algorithms', algorithms.join(', ')],
        ['Public keys', sources[readKeySource(issuer)]],
        ['Default plan', issuer.defaultPlan || 'none'],
        ['Accounts', issuer.catalogAccounts ? 'those of the catalog only' : 'any'],
        ['Claim with the account', claims.account || 'sub'],
        ['Claim with the plan', claims.plan || 'none'],
        ['Claim with features', claims.features || 'none'],
        ['Claim with roles', claims.role || 'none'],
        ['Roles of administrators', (claims.adminRoles ?? []).join(', ') || 'none'],
        ['Required claims', writeClaimPairs(issuer.requiredClaims).replaceAll('\n', ', ') || 'none'],
        ['Created', <Time key="created" at={issuer.createTime} />],
        ['Changed', <Time key="changed" at={issuer.updateTime} />],
      ]}
    />
  );
}
