import type { DescMessage, MessageJsonType } from '@bufbuild/protobuf';
import type { AccountService } from '../generated/weir/admin/v1/account_service_pb.js';
import type { ApiKeyService } from '../generated/weir/admin/v1/api_key_service_pb.js';
import type { AuditService } from '../generated/weir/admin/v1/audit_service_pb.js';
import type { AuthService } from '../generated/weir/admin/v1/auth_service_pb.js';
import type { CounterService } from '../generated/weir/admin/v1/counter_service_pb.js';
import type { DeviceService } from '../generated/weir/admin/v1/device_service_pb.js';
import type { ExplainService } from '../generated/weir/admin/v1/explain_service_pb.js';
import type { IssuerService } from '../generated/weir/admin/v1/issuer_service_pb.js';
import type { OverviewService } from '../generated/weir/admin/v1/overview_service_pb.js';
import type { PlanService } from '../generated/weir/admin/v1/plan_service_pb.js';
import type { RequestLogService } from '../generated/weir/admin/v1/request_log_service_pb.js';
import type { RuleService } from '../generated/weir/admin/v1/rule_service_pb.js';
import type { SessionService } from '../generated/weir/admin/v1/session_service_pb.js';
import type { SigningKeyService } from '../generated/weir/admin/v1/signing_key_service_pb.js';
import type { StatusService } from '../generated/weir/admin/v1/status_service_pb.js';
import type { TokenInfoService } from '../generated/weir/admin/v1/token_info_service_pb.js';
import type { TokenService } from '../generated/weir/admin/v1/token_service_pb.js';
import type { UsageService } from '../generated/weir/admin/v1/usage_service_pb.js';
import type { WebhookService } from '../generated/weir/admin/v1/webhook_service_pb.js';

/** The services of the admin API, as types only: the descriptors themselves stay out of the bundle. */
interface Services {
  readonly AccountService: typeof AccountService.method;
  readonly ApiKeyService: typeof ApiKeyService.method;
  readonly AuditService: typeof AuditService.method;
  readonly AuthService: typeof AuthService.method;
  readonly CounterService: typeof CounterService.method;
  readonly DeviceService: typeof DeviceService.method;
  readonly ExplainService: typeof ExplainService.method;
  readonly IssuerService: typeof IssuerService.method;
  readonly OverviewService: typeof OverviewService.method;
  readonly PlanService: typeof PlanService.method;
  readonly RequestLogService: typeof RequestLogService.method;
  readonly RuleService: typeof RuleService.method;
  readonly SessionService: typeof SessionService.method;
  readonly SigningKeyService: typeof SigningKeyService.method;
  readonly StatusService: typeof StatusService.method;
  readonly TokenInfoService: typeof TokenInfoService.method;
  readonly TokenService: typeof TokenService.method;
  readonly UsageService: typeof UsageService.method;
  readonly WebhookService: typeof WebhookService.method;
}

/** A method by service and name, such as `PlanService.getPlan`. */
export type MethodName = {
  [S in keyof Services]: `${S}.${keyof Services[S] & string}`;
}[keyof Services];

type Method<M extends MethodName> = M extends `${infer S extends keyof Services}.${infer N}`
  ? Services[S][N & keyof Services[S]]
  : never;

/** The request of a method, in Protobuf's JSON form. */
export type RequestOf<M extends MethodName> =
  Method<M> extends { readonly input: infer I extends DescMessage } ? MessageJsonType<I> : never;

/** The response of a method, in Protobuf's JSON form: without fields that are empty, false or 0. */
export type ResponseOf<M extends MethodName> =
  Method<M> extends { readonly output: infer O extends DescMessage } ? MessageJsonType<O> : never;
