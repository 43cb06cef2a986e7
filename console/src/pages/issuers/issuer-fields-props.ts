import type { ApiError } from '../../api/api-error.ts';
import type { IssuerForm } from './issuer-form.ts';

/** A form of an issuer, and the error of the call that sends it. */
export interface IssuerFieldsProps {
  readonly form: IssuerForm;
  readonly onForm: (form: IssuerForm) => void;
  readonly error: ApiError | undefined;
}
