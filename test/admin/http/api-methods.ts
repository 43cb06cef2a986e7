import type { DescMethodUnary, DescService } from '@bufbuild/protobuf';
import { getMessageRegistry } from '../../../src/admin/methods/message-registry.ts';

/** Finds a service of the admin API by its name, such as `PlanService`, for clients of Connect. */
export function findService(name: string): DescService {
  const service = getMessageRegistry().getService(`weir.admin.v1.${name}`);
  if (service === undefined) throw new Error(`no such service: ${name}`);
  return service;
}

/** All methods of the admin API. */
export function listApiMethods(): readonly DescMethodUnary[] {
  return [...getMessageRegistry()]
    .flatMap((type) => (type.kind === 'service' && type.file.proto.package === 'weir.admin.v1' ? type.methods : []))
    .filter((method): method is DescMethodUnary => method.methodKind === 'unary');
}

/** Returns `/weir.admin.v1.Service/Method`. */
export function toPath({ parent, name }: DescMethodUnary): string {
  return `/${parent.typeName}/${name}`;
}
