import { readLines, writeLines } from '../../format/lines.ts';
import { fromLocalInput, toLocalInput } from '../../format/local-time.ts';
import type { ApiKeyJson } from '../../generated/weir/admin/v1/api_key_service_pb.js';
import { type LimitForm, toLimit, toLimitForm } from '../../ui/limits/limit-form.ts';

/** A key as it is typed. The names are those of the key's fields. */
export interface KeyForm {
  readonly displayName: string;
  /** Empty: the plan of the account. */
  readonly plan: string;
  /** In the viewer's time zone. Empty: the key does not expire. */
  readonly expireTime: string;
  /** One per line. */
  readonly allowedNetworks: string;
  /** One per line. */
  readonly features: string;
  readonly limits: readonly LimitForm[];
}

export const EMPTY_KEY_FORM: KeyForm = toKeyForm({});

/** Reads a key into a form. */
export function toKeyForm(key: ApiKeyJson): KeyForm {
  return {
    displayName: key.displayName ?? '',
    plan: key.plan ?? '',
    expireTime: toLocalInput(key.expireTime),
    allowedNetworks: writeLines(key.allowedNetworks),
    features: writeLines(key.features),
    limits: (key.limits ?? []).map(toLimitForm),
  };
}

/** Reads a key from a form. */
export function toApiKey(form: KeyForm): ApiKeyJson {
  const { displayName, plan, allowedNetworks, features, limits } = form;
  const expireTime = fromLocalInput(form.expireTime);
  return {
    displayName,
    plan,
    allowedNetworks: readLines(allowedNetworks),
    features: readLines(features),
    limits: limits.map(toLimit),
    ...(expireTime !== undefined && { expireTime }),
  };
}
