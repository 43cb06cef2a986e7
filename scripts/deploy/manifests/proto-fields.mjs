// Checks the fields of a value against a message of protobuf, for configurations that no JSON schema exists for.
import protobuf from 'protobufjs';

/** Parses a file without its imports. Values of imported types are not checked. */
export function parseProto(text) {
  return protobuf.parse(text, { keepCase: false }).root;
}

/** Returns the faults of a value whose fields are those of a message, in camelCase. */
export function findFieldFaults(root, messageName, value, path = '') {
  const type = root.lookupTypeOrEnum(messageName);
  return checkMessage(type, value, path);
}

function checkMessage(type, value, path) {
  if (!(type instanceof protobuf.Type)) return [];
  if (typeof value !== 'object' || value === null) return [`${path || 'value'}: must be a mapping`];
  return Object.entries(value).flatMap(([name, item]) => {
    const field = type.fields[name];
    if (field === undefined) return [`${path || 'mesh'}: must not have the field "${name}"`];
    const fieldType = field.map ? null : type.lookup(field.type);
    if (fieldType === null) return [];
    const items = field.repeated && Array.isArray(item) ? item : [item];
    return items.flatMap((one, index) =>
      checkMessage(fieldType, one, `${path === '' ? '' : `${path}.`}${name}${field.repeated ? `.${index}` : ''}`),
    );
  });
}
