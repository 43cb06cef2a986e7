/** The columns of a table that the audit trail does not record. */
export interface UnrecordedColumns {
  /** Columns whose values must never be in an event. */
  readonly secret?: readonly string[];
  /** Columns whose changes are not worth an event, or that only repeat others. */
  readonly leftOut: readonly string[];
}

/** The unrecorded columns of each table. A change of any other column is an event. */
export const UNRECORDED: Readonly<Record<string, UnrecordedColumns>> = {
  // The superseded limits repeat what earlier events say of limits and plans.
  plan: { leftOut: ['id', 'superseded_limits', 'version', 'create_time', 'update_time'] },
  account: {
    secret: ['password_hash', 'sealed_totp_secret'],
    leftOut: [
      ...['id', 'verify_before_time', 'last_sign_in_time', 'totp_last_step', 'superseded_plan_limits'],
      ...['version', 'create_time', 'update_time'],
    ],
  },
  // The account is the resource.
  one_time_token: { secret: ['token_digest', 'password_hash'], leftOut: ['account_id', 'create_time'] },
  api_key: {
    secret: ['digest'],
    // The hint shows a part of the secret.
    leftOut: [
      ...['id', 'hint', 'counter_id', 'last_used_time', 'last_used_day'],
      ...['superseded_limits', 'superseded_plan_limits'],
      ...['version', 'create_time', 'update_time'],
    ],
  },
  // Account and id are the name of the resource. Check writes the counts and times.
  device: {
    leftOut: [
      ...['id', 'account_id', 'blocked_by_admin', 'request_count', 'attempt_count', 'first_seen_time'],
      ...['last_seen_time', 'last_attempt_time', 'last_seen_day', 'last_attempt_day'],
      ...['version', 'create_time', 'update_time'],
    ],
  },
  // Account and key are the resource.
  scheduled_plan_change: { leftOut: ['target', 'account_id', 'api_key_id', 'create_time'] },
  issuer: { leftOut: ['id', 'version', 'create_time', 'update_time'] },
  signing_key: {
    secret: ['private_jwk', 'sealed_jwk'],
    leftOut: ['id', 'last_token_expire_time', 'create_time'],
  },
  // Issuer, kind and value are the name of the resource.
  revocation: { leftOut: ['id', 'issuer_id', 'kind', 'value', 'create_time'] },
  issued_token: { leftOut: ['id', 'create_time'] },
  // A refresh changes them. Sign-in and end are events.
  session: {
    secret: ['family_digest', 'token_digest', 'used_refresh_tokens'],
    leftOut: [
      ...['id', 'account_id', 'peer', 'user_agent', 'last_refresh_time'],
      ...['expire_time', 'create_time', 'update_time'],
    ],
  },
  webhook: {
    secret: ['sealed_secret', 'former_sealed_secret'],
    leftOut: ['id', 'former_secret_expire_time', 'last_delivery_time', 'version', 'create_time', 'update_time'],
  },
};

/** Tables without audit events, and why. */
export const UNAUDITED_TABLES: Readonly<Record<string, string>> = {
  issuer_iss: 'a trigger derives its rows from the issuers',
  receipt_key: 'Weir replaces the keys of receipts every day; no caller names them',
  sign_in_network: 'sign-ins are events themselves',
  answered_request: 'the ids of requests of the last day; the resources that they created have events',
  counter_checkpoint: 'what counters counted; manual changes of counters have events',
  limit_threshold: 'decision nodes write what they have noticed; no caller is behind it',
  request_log: 'a log of its own, of requests through Envoy',
  catalog_change: 'the change feed',
  outbox_event: 'repeats changes that have events, for webhooks',
  webhook_delivery: 'Weir writes them; ListWebhookDeliveries shows them',
  usage_hour: 'usage is a record itself; nobody changes it',
  usage_day: 'derived from usage_hour',
  usage_month: 'derived from usage_hour',
  usage_correction: 'usage that arrived late',
  usage_total_hour: 'derived from usage_hour',
  usage_total_day: 'derived from usage_day',
  usage_total_month: 'derived from usage_month',
  usage_node: 'the processes that have written usage',
  usage_state: 'how far usage is rolled up',
  usage_activity: 'the count of active accounts',
  stripe_event: 'ids of handled events; the changes of plans that they make have events',
  stripe_subscription: 'repeats what Stripe says; the changes of plans that it makes have events',
  audit_event: 'the events themselves',
};
