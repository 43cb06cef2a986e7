import type { Metadata, MetadataValue } from '../../domain/metadata.ts';
import { childLocation, type YamlNode } from '../yaml/read-fields.ts';
import type { FaultSink, YamlLocation } from '../yaml/rules-fault.ts';
import { fieldOf, isYamlList, isYamlMap, PlainScalar, type YamlValue } from '../yaml/yaml-values.ts';

/** It is sent with every answer that lets its rule's descriptor pass, and Envoy keeps it for the time of the stream. */
const MOST_BYTES = 4096;
const DEEPEST = 8;

/**
 * A descriptor's `metadata`, a map of anything that YAML can write without tags; an empty one counts as none. As in
 * envoyproxy/ratelimit, whose answers have it under `metadata`.
 */
export function readMetadata({ map, location: above }: YamlNode, faults: FaultSink): Metadata | undefined {
  const written = fieldOf(map, 'metadata');
  if (written === undefined) return undefined;
  const location = childLocation(above, 'metadata');
  if (!isYamlMap(written)) {
    faults.at(location, 'metadata: must be a map');
    return undefined;
  }
  const before = faults.count;
  const metadata = metadataValue(written, location, DEEPEST, faults) as Metadata; // of a map it is a map
  if (faults.count > before || Object.keys(metadata).length === 0) return undefined;
  if (Buffer.byteLength(JSON.stringify(metadata)) > MOST_BYTES) {
    faults.at(location, `metadata: must be at most ${MOST_BYTES} bytes as JSON`);
  }
  return metadata;
}

function metadataValue(written: YamlValue, location: YamlLocation, levels: number, faults: FaultSink): MetadataValue {
  if (written === null || typeof written === 'string') return written;
  if (written instanceof PlainScalar) return plainValue(written, location, faults);
  if (levels === 0) {
    faults.at(location, `metadata: must be nested at most ${DEEPEST} deep`);
    return null;
  }
  if (isYamlList(written)) {
    return written.map((each, index) => metadataValue(each, childLocation(location, index), levels - 1, faults));
  }
  const entries = Object.entries(written);
  return Object.fromEntries(
    entries.map(([key, each]) => [key, metadataValue(each, childLocation(location, key), levels - 1, faults)]),
  );
}

function plainValue({ value }: PlainScalar, location: YamlLocation, faults: FaultSink): MetadataValue {
  if (typeof value === 'number' && !Number.isFinite(value)) faults.at(location, 'metadata: must have finite numbers');
  return value;
}
