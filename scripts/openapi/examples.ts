import type { JsonValue } from '@bufbuild/protobuf';

/** Requests of methods, by `Service/Method`. A test holds each against the form of its message. */
export const REQUEST_EXAMPLES: Readonly<Record<string, JsonValue>> = {
  'AuthService/Login': { email: 'admin@example.com', password: 'correct horse battery staple' },
  'AuthService/RefreshToken': { refreshToken: 'the refreshToken of the last answer' },
  'AuthService/Register': {
    email: 'grace@example.com',
    password: 'correct horse battery staple',
    displayName: 'Grace',
  },
  'AuthService/GetProfile': {},
  'PlanService/CreatePlan': {
    planId: 'team',
    plan: {
      displayName: 'Team',
      limits: [
        { name: 'burst', requests: 20, window: '1s' },
        { name: 'month', requests: 100_000, window: '1mo', algorithm: 'calendar' },
      ],
      features: ['search'],
    },
  },
  'PlanService/GetPlan': { name: 'plans/free' },
  'PlanService/ListPlans': { pageSize: 100 },
  'PlanService/UpdatePlan': { plan: { name: 'plans/team', displayName: 'Team 2' }, updateMask: 'displayName' },
  'AccountService/CreateAccount': {
    accountId: 'ada',
    account: { email: 'ada@example.com', displayName: 'Ada', plan: 'plans/team' },
    password: 'correct horse battery staple',
  },
  'AccountService/GetAccount': { name: 'accounts/ada' },
  'AccountService/ListAccounts': { pageSize: 100, filter: 'plan = "plans/team" AND disabled = false' },
  'AccountService/BlockAccount': { name: 'accounts/ada', duration: '1h', reason: 'a leaked key' },
  'AccountService/ChangePlan': { name: 'accounts/ada', plan: 'plans/team' },
  'ApiKeyService/CreateApiKey': { apiKey: { displayName: 'server', account: 'accounts/ada' } },
  'ApiKeyService/ListApiKeys': { filter: 'account = "accounts/ada"' },
  'ApiKeyService/RotateApiKey': { name: 'apiKeys/3404b8be-ce16-45ae-916b-19592a540b2e', overlap: '1h' },
  'AuditService/ListAuditEvents': { filter: 'result != OK', pageSize: 50 },
  'CounterService/GetCounter': { subject: { account: 'accounts/ada' } },
  'ExplainService/Explain': {
    rateLimit: { domain: 'edge', descriptors: [{ entries: [{ key: 'path', value: '/search' }] }] },
  },
  'SessionService/ListSessions': { parent: 'accounts/ada' },
  'TokenService/IssueToken': { account: 'ada', plan: 'plans/team', ttl: '15m' },
  'UsageService/GetUsage': { name: 'accounts/ada/usage' },
  'UsageService/QueryUsage': {
    parent: 'accounts/ada',
    startTime: '2026-11-01T00:00:00Z',
    endTime: '2026-12-01T00:00:00Z',
    step: 'DAY',
    groupBy: ['ROUTE'],
  },
  'UsageService/ExportUsage': { parent: 'accounts/-', period: '2026-10', format: 'CSV' },
};

/** Responses of methods, by `Service/Method`. */
export const RESPONSE_EXAMPLES: Readonly<Record<string, JsonValue>> = {
  'AuthService/Login': { accessToken: 'eyJ…', refreshToken: 'rt_…', expiresIn: 900 },
};

/** An error by the Connect protocol. */
export const ERROR_EXAMPLE: JsonValue = {
  code: 'invalid_argument',
  message: 'plan.limits[0].window: must be a number and a unit, such as 60s',
  details: [
    {
      type: 'google.rpc.ErrorInfo',
      value: 'Cg5JTlZBTElEX0ZJRUxEUxIEd2Vpcg',
      debug: { reason: 'INVALID_FIELDS', domain: 'weir' },
    },
  ],
};

/** The same by Envoy's gRPC-JSON transcoder. */
export const STATUS_EXAMPLE: JsonValue = {
  code: 3,
  message: 'plan.limits[0].window: must be a number and a unit, such as 60s',
  details: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'INVALID_FIELDS', domain: 'weir' }],
};
