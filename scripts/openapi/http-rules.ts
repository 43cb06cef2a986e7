import { type DescMethod, getOption } from '@bufbuild/protobuf';
import { getMessageRegistry } from '../../src/admin/methods/message-registry.ts';

/** A REST binding of a method (google.api.http). */
export interface HttpRule {
  readonly verb: 'get' | 'post' | 'patch' | 'delete';
  /** Such as `/v1/plans/{plan}:preview`. */
  readonly path: string;
  /** Path parameters in their order, such as `plan`. */
  readonly parameters: readonly string[];
  /** Fields that the path sets, such as `plan.name`. */
  readonly boundFields: readonly string[];
  /** The field that is the body; `*` for all that the path does not set. undefined: there is no body. */
  readonly body: string | undefined;
}

/** google.api.HttpRule, as the descriptors describe it. */
interface HttpOption {
  readonly pattern: { readonly case: HttpRule['verb'] | undefined; readonly value: string };
  readonly body: string;
  readonly additionalBindings: readonly HttpOption[];
}

/** Reads the REST bindings of a method, the main one first. */
export function readHttpRules(method: DescMethod): readonly HttpRule[] {
  const extension = getMessageRegistry().getExtension('google.api.http');
  if (extension === undefined) throw new Error('google/api/annotations.proto is not among the descriptors');
  // The extension is known at run time only, so its value has no type.
  const option = getOption(method, extension) as unknown as HttpOption;
  return [option, ...option.additionalBindings].map(toRule);
}

function toRule({ pattern: { case: verb, value }, body }: HttpOption): HttpRule {
  if (verb === undefined) throw new Error(`a binding has no verb: ${value}`);
  const parameters: string[] = [];
  const boundFields: string[] = [];
  const path = value.replace(/\{([^=}]+)=([^}]+)\}/g, (_, field: string, template: string) => {
    boundFields.push(field);
    return template.replace(/([A-Za-z]+)\/\*/g, (_segment, collection: string) => {
      const parameter = toSingular(collection);
      parameters.push(parameter);
      return `${collection}/{${parameter}}`;
    });
  });
  return { verb, path, parameters, boundFields, body: body === '' ? undefined : body };
}

/** The id of a resource in a collection: `plan` in `plans`. */
function toSingular(collection: string): string {
  return collection.replace(/ies$/, 'y').replace(/s$/, '');
}
