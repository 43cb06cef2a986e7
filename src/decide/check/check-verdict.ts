import type { CredentialFault } from '../../domain/credentials/credential-fault.ts';
import type { DenialCode } from '../../domain/denial.ts';
import type { LimitStatus } from '../../domain/limits/limit-status.ts';
import type { Plan } from '../../domain/limits/plan.ts';
import type { Source } from '../ports.ts';
import type { ProvenIdentity } from './authenticate.ts';
import type { CheckQuestion } from './check-question.ts';
import type { CredentialHeader } from './presented-credential.ts';

export type CheckVerdict =
  | (ProvenIdentity & {
      readonly kind: 'allowed';
      readonly question: CheckQuestion;
      /** The header that carries the credential, which the upstream must not see. undefined: the query carries it. */
      readonly credentialHeader: CredentialHeader | undefined;
      /** The authorization header carries another API key, which the upstream must not see either. */
      readonly removesAuthorization: boolean;
      /** undefined: the token has only limits of its own. A changed plan is another object. */
      readonly plan: Plan | undefined;
      readonly limits: readonly LimitStatus[];
      readonly source: VerdictSource;
    })
  | {
      readonly kind: 'anonymous';
      readonly question: CheckQuestion;
      readonly limits: readonly LimitStatus[];
      readonly source: VerdictSource;
    }
  | {
      readonly kind: 'denied';
      readonly question: CheckQuestion;
      readonly code: DenialCode;
      /** The fault of the credential. undefined: there is none, or the code says it all. */
      readonly fault: CredentialFault | undefined;
      /** The owner of the credential. undefined: unknown. For Envoy's logs, never for the client. */
      readonly proven: ProvenIdentity | undefined;
      readonly limits: readonly LimitStatus[];
      /** undefined: no retry is promised. */
      readonly retryAfterSeconds: number | undefined;
      readonly source: VerdictSource;
    };

/** `catalog`: no limit decided the request. */
type VerdictSource = Source | 'catalog';
