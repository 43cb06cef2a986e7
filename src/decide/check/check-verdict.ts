import type { DenialCode } from '../../domain/denial.ts';
import type { LimitStatus } from '../../domain/limits/limit-status.ts';
import type { VerifiedToken } from '../../domain/tokens/token.ts';
import type { KeyRecord, Source } from '../ports.ts';
import type { CheckQuestion, CredentialHeader } from './check-question.ts';

export type CheckVerdict =
  | {
      readonly kind: 'allowed';
      readonly question: CheckQuestion;
      /** The same object until something of it changes, so that encoded responses can be cached by it. */
      readonly credential: KeyRecord | VerifiedToken;
      /** undefined: the credential is a token. */
      readonly keyId: string | undefined;
      /** The plan whose limits were charged. undefined: only the token's own limits were. */
      readonly planId: string | undefined;
      /** The header that carries the credential, which the upstream must not see. undefined: the query carries it. */
      readonly credentialHeader: CredentialHeader | undefined;
      /** The authorization header carries another API key, which the upstream must not see either. */
      readonly removesAuthorization: boolean;
      readonly limits: readonly LimitStatus[];
      readonly source: VerdictSource;
    }
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
      readonly limits: readonly LimitStatus[];
      /** undefined: no retry is promised. */
      readonly retryAfterSeconds: number | undefined;
      readonly source: VerdictSource;
    };

/** `catalog`: no limit decided the request. */
type VerdictSource = Source | 'catalog';
