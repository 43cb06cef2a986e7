import { AuditEventEntity } from '../audit/audit-event-entity.ts';
import { LimitThresholdEntity } from '../outbox/limit-threshold-entity.ts';
import { OutboxEventEntity, WebhookDeliveryEntity, WebhookEntity } from '../outbox/webhook-entities.ts';
import { usageEntities } from '../usage/usage-entities.ts';
import { AccountEntity } from './account-entity.ts';
import { AnsweredRequestEntity } from './answered-request-entity.ts';
import { ApiKeyEntity } from './api-key-entity.ts';
import { CatalogChangeEntity } from './catalog-change-entity.ts';
import { CounterCheckpointEntity } from './checkpoint-entity.ts';
import { DeviceEntity } from './device-entity.ts';
import { IssuerEntity, IssuerIssEntity } from './issuer-entities.ts';
import { PlanEntity } from './plan-entity.ts';
import { ReceiptKeyEntity } from './receipt-key-entity.ts';
import { RequestLogEntity } from './request-log-entity.ts';
import { ScheduledPlanChangeEntity } from './scheduled-plan-change-entity.ts';
import { OneTimeTokenEntity, SessionEntity, SignInNetworkEntity } from './sign-in-entities.ts';
import { StripeEventEntity, StripeSubscriptionEntity } from './stripe-entities.ts';
import { IssuedTokenEntity, RevocationEntity, SigningKeyEntity } from './token-entities.ts';

/** All entities, one per table. */
export const entities = [
  PlanEntity,
  AccountEntity,
  ApiKeyEntity,
  SigningKeyEntity,
  IssuerEntity,
  IssuerIssEntity,
  RevocationEntity,
  IssuedTokenEntity,
  SessionEntity,
  OneTimeTokenEntity,
  SignInNetworkEntity,
  ReceiptKeyEntity,
  DeviceEntity,
  ScheduledPlanChangeEntity,
  LimitThresholdEntity,
  CatalogChangeEntity,
  AuditEventEntity,
  AnsweredRequestEntity,
  CounterCheckpointEntity,
  WebhookEntity,
  OutboxEventEntity,
  WebhookDeliveryEntity,
  ...usageEntities,
  RequestLogEntity,
  StripeEventEntity,
  StripeSubscriptionEntity,
];
