import type { AnyDesc, DescFile } from '@bufbuild/protobuf';

/** Field numbers of google.protobuf.FileDescriptorProto and its parts, which make up the paths of comments. */
const PARTS = { message: 4, enum: 5, service: 6, nestedMessage: 3, nestedEnum: 4, field: 2, value: 2, rpc: 2 } as const;

const commentsByFile = new WeakMap<DescFile, ReadonlyMap<string, string>>();

/** Returns the comment before an element of a proto file, without line breaks inside paragraphs. Empty: there is none. */
export function readComment(desc: AnyDesc): string {
  const file = desc.kind === 'file' ? desc : desc.kind === 'oneof' ? desc.parent.file : findFile(desc);
  let comments = commentsByFile.get(file);
  if (comments === undefined) {
    const locations = file.proto.sourceCodeInfo?.location ?? [];
    comments = new Map(locations.map(({ path, leadingComments }) => [path.join('.'), leadingComments ?? '']));
    commentsByFile.set(file, comments);
  }
  return joinLines(comments.get(findPath(desc).join('.')) ?? '');
}

function findFile(desc: Exclude<AnyDesc, { kind: 'file' | 'oneof' }>): DescFile {
  if (desc.kind === 'message' || desc.kind === 'enum' || desc.kind === 'service' || desc.kind === 'extension') {
    return desc.file;
  }
  return desc.parent.file;
}

function findPath(desc: AnyDesc): readonly number[] {
  switch (desc.kind) {
    case 'message':
      return desc.parent === undefined
        ? [PARTS.message, desc.file.messages.indexOf(desc)]
        : [...findPath(desc.parent), PARTS.nestedMessage, desc.parent.nestedMessages.indexOf(desc)];
    case 'enum':
      return desc.parent === undefined
        ? [PARTS.enum, desc.file.enums.indexOf(desc)]
        : [...findPath(desc.parent), PARTS.nestedEnum, desc.parent.nestedEnums.indexOf(desc)];
    case 'service':
      return [PARTS.service, desc.file.services.indexOf(desc)];
    case 'rpc':
      return [...findPath(desc.parent), PARTS.rpc, desc.parent.methods.indexOf(desc)];
    case 'field':
      return [...findPath(desc.parent), PARTS.field, desc.parent.fields.indexOf(desc)];
    case 'enum_value':
      return [...findPath(desc.parent), PARTS.value, desc.parent.values.indexOf(desc)];
    default:
      return [];
  }
}

/** Joins the lines of each paragraph, and keeps lists. */
function joinLines(comment: string): string {
  const lines = comment.split('\n').map((line) => line.replace(/^ /, ''));
  const joined = lines.reduce((text, line) => {
    const startsLine = text === '' || text.endsWith('\n') || line === '' || /^\s*- /.test(line);
    return startsLine ? `${text}${text === '' || text.endsWith('\n\n') ? '' : '\n'}${line}` : `${text} ${line.trim()}`;
  }, '');
  return joined.trim();
}
