import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema, MethodOptions_IdempotencyLevel as IdempotencyLevel } from '@bufbuild/protobuf/wkt';
import { DESCRIPTORS } from '../../generated/descriptors.ts';

/**
 * Paths, such as `/weir.admin.v1.PlanService/GetPlan`, of all methods that proto/ marks with `option idempotency_level
 * = NO_SIDE_EFFECTS`. ts-proto's service definitions do not contain that option.
 */
export const READ_ONLY_METHODS: ReadonlySet<string> = findReadOnlyMethods();

function findReadOnlyMethods(): ReadonlySet<string> {
  const { file: files } = fromBinary(FileDescriptorSetSchema, Buffer.from(DESCRIPTORS, 'base64'));
  const paths = files.flatMap((file) =>
    file.service.flatMap((service) =>
      service.method
        .filter(({ options }) => options?.idempotencyLevel === IdempotencyLevel.NO_SIDE_EFFECTS)
        .map((method) => `/${file.package}.${service.name}/${method.name}`),
    ),
  );
  return new Set(paths);
}
