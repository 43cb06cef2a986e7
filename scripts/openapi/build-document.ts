import type { DescMethod, DescMethodUnary, DescService } from '@bufbuild/protobuf';
import { stringify } from 'yaml';
import { getMessageRegistry } from '../../src/admin/methods/message-registry.ts';
import { readPackageVersion } from '../../src/commands/package-version.ts';
import { readComment } from './comments.ts';
import { ERROR_EXAMPLE, STATUS_EXAMPLE } from './examples.ts';
import { readHttpRules } from './http-rules.ts';
import { describeCall, describeRest, restTag } from './operations.ts';
import { type Schema, SchemaCollector } from './schemas.ts';

const DESCRIPTION = `The admin API of Weir over HTTP. Each method is a POST to \`/weir.admin.v1.{Service}/{Method}\`, which Weir itself serves on \`HTTP_ADDRESS\` (docs/http-api.md).

The REST paths below \`/v1\` are served by an Envoy with the gRPC-JSON transcoder in front of Weir (envoy/rest/), not by Weir.

Sign in with \`AuthService/Login\`, then send \`authorization: Bearer {accessToken}\`.`;

const ENVOY = { url: 'http://localhost:10000', description: 'Envoy with envoy/rest/envoy.yaml' };
const CODES = [
  ...['invalid_argument', 'unauthenticated', 'permission_denied', 'not_found', 'already_exists', 'aborted'],
  ...['failed_precondition', 'resource_exhausted', 'unimplemented', 'internal', 'unavailable', 'deadline_exceeded'],
];

/** Builds docs/openapi.yaml from the protos. */
export function buildDocument(): string {
  const schemas = new SchemaCollector();
  const services = listServices();
  const methods = services.flatMap((service) => service.methods.filter(isUnary));
  const calls = methods.map((method) => [toPath(method), { post: describeCall(method, schemas) }] as const);
  const paths = { ...Object.fromEntries(calls), ...describeRestPaths(methods, schemas) };
  const document = {
    openapi: '3.0.3',
    info: {
      title: 'Weir admin API',
      version: readPackageVersion(),
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    servers: [{ url: '/', description: 'HTTP_ADDRESS of this node' }],
    security: [{ accessToken: [] }],
    tags: [...services.map(describeTag), ...services.map(({ name }) => ({ name: restTag(name) }))],
    paths,
    components: {
      securitySchemes: {
        accessToken: {
          type: 'http',
          scheme: 'bearer',
          description: 'The access token of AuthService/Login, or a token of a trusted issuer.',
        },
      },
      responses: {
        Error: describeError('The error of a failed call (docs/errors.md).', 'Error', ERROR_EXAMPLE),
        StatusError: describeError('A google.rpc.Status, as Envoy writes it.', 'StatusError', STATUS_EXAMPLE),
      },
      schemas: { ...ERROR_SCHEMAS, ...schemas.schemas },
    },
  };
  const text = stringify(document, { lineWidth: 0, aliasDuplicateObjects: false });
  return `# Generated from proto/ by npm run openapi.\n${text}`;
}

const ERROR_SCHEMAS: Readonly<Record<string, Schema>> = {
  Error: {
    type: 'object',
    required: ['code'],
    properties: {
      code: { type: 'string', enum: CODES },
      message: { type: 'string', description: 'For people to read. Never repeats a secret.' },
      details: {
        type: 'array',
        description: 'A google.rpc.ErrorInfo, and for some errors a google.rpc.BadRequest or RetryInfo.',
        items: {
          type: 'object',
          properties: {
            type: { type: 'string', description: 'The type of the message, such as `google.rpc.ErrorInfo`.' },
            value: { type: 'string', description: 'The message in base64, without padding.' },
            debug: { type: 'object', additionalProperties: true, description: 'The message as JSON.' },
          },
        },
      },
    },
  },
  StatusError: {
    type: 'object',
    properties: {
      code: { type: 'integer', format: 'int32', description: 'The gRPC status.' },
      message: { type: 'string' },
      details: { type: 'array', items: { type: 'object', additionalProperties: true } },
    },
  },
};

function listServices(): readonly DescService[] {
  const services = [...getMessageRegistry()].filter((type) => type.kind === 'service');
  return services
    .filter(({ file }) => file.proto.package === 'weir.admin.v1')
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === 'unary';
}

function toPath({ parent, name }: DescMethodUnary): string {
  return `/${parent.typeName}/${name}`;
}

function describeTag(service: DescService): Schema {
  return { name: service.name, description: readComment(service) };
}

function describeError(description: string, schema: string, example: unknown): Schema {
  const content = { 'application/json': { schema: { $ref: `#/components/schemas/${schema}` }, example } };
  return { description, content };
}

/** The REST paths, each with the operations of its verbs. */
function describeRestPaths(
  methods: readonly DescMethodUnary[],
  schemas: SchemaCollector,
): Readonly<Record<string, Schema>> {
  const paths = new Map<string, Record<string, unknown>>();
  for (const method of methods) {
    for (const [index, rule] of readHttpRules(method).entries()) {
      const path = paths.get(rule.path) ?? { servers: [ENVOY] };
      if (rule.verb in path) throw new Error(`two methods have the binding ${rule.verb} ${rule.path}`);
      path[rule.verb] = describeRest(method, rule, index, schemas);
      paths.set(rule.path, path);
    }
  }
  return Object.fromEntries([...paths].sort(([a], [b]) => (a < b ? -1 : 1)));
}
