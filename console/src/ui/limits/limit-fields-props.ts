import type { ApiError } from '../../api/api-error.ts';
import type { LimitForm } from './limit-form.ts';

/** A form of a limit, and the error of the call that sends it. */
export interface LimitFieldsProps {
  readonly form: LimitForm;
  readonly onForm: (form: LimitForm) => void;
  /** Whether the keys of an account can share the limit: only limits of plans. */
  readonly hasScope: boolean;
  readonly error: ApiError | undefined;
  /** The name of the limit in the request, such as `plan.limits[0]`. */
  readonly field: string;
}
