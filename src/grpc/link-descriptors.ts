import type { DescriptorProto, FileDescriptorProto } from '@bufbuild/protobuf/wkt';

/**
 * proto-loader writes descriptors with type names relative to where they are used, without the files' dependencies, and
 * with names of its own for map entries. Callers by reflection (grpcurl, for one) take none of that, so it is put right.
 */
export function linkFiles(files: readonly FileDescriptorProto[]): void {
  const fileOfType = new Map<string, string>();
  for (const file of files) {
    const declare = (scope: string, message: DescriptorProto) => {
      const name = `${scope}.${message.name}`;
      fileOfType.set(name, file.name);
      for (const each of message.enumType) fileOfType.set(`${name}.${each.name}`, file.name);
      for (const nested of message.nestedType) declare(name, nested);
    };
    for (const each of file.enumType) fileOfType.set(`.${file.package}.${each.name}`, file.name);
    for (const message of file.messageType) {
      nameMapEntries(message);
      declare(`.${file.package}`, message);
    }
  }
  for (const file of files) linkFile(file, fileOfType);
}

/** A map's field `some_names` has the entry type `SomeNamesEntry`, by protobuf's rule. */
function nameMapEntries(message: DescriptorProto): void {
  for (const nested of message.nestedType) {
    nameMapEntries(nested);
    const field = message.field.find(({ typeName }) => typeName === nested.name);
    if (nested.options?.mapEntry !== true || field === undefined) continue;
    const words = field.name.split('_').map((word) => word.charAt(0).toUpperCase() + word.slice(1));
    nested.name = `${words.join('')}Entry`;
    field.typeName = nested.name;
  }
}

function linkFile(file: FileDescriptorProto, fileOfType: ReadonlyMap<string, string>): void {
  const dependencies = new Set<string>();
  const link = (scope: string, typeName: string) => {
    const name = resolve(scope, typeName, fileOfType);
    const home = fileOfType.get(name);
    if (home !== undefined && home !== file.name) dependencies.add(home);
    return name;
  };
  const linkMessage = (scope: string, message: DescriptorProto) => {
    const name = `${scope}.${message.name}`;
    for (const field of message.field) if (field.typeName !== '') field.typeName = link(name, field.typeName);
    for (const nested of message.nestedType) linkMessage(name, nested);
  };
  const scope = `.${file.package}`;
  for (const message of file.messageType) linkMessage(scope, message);
  for (const method of file.service.flatMap((service) => service.method)) {
    method.inputType = link(scope, method.inputType);
    method.outputType = link(scope, method.outputType);
  }
  file.dependency = [...dependencies];
}

/** Protobuf's rule: the innermost scope that has such a name, outwards. */
function resolve(scope: string, typeName: string, known: ReadonlyMap<string, string>): string {
  if (typeName.startsWith('.')) return typeName;
  for (let outer = scope; ; outer = outer.slice(0, outer.lastIndexOf('.'))) {
    const candidate = `${outer}.${typeName}`;
    if (known.has(candidate)) return candidate;
    if (outer === '') throw new Error(`${typeName}, used in ${scope}, is defined nowhere`);
  }
}
