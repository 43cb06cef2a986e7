import type { Metadata, MetadataValue } from '../../domain/metadata.ts';
import { withFoundYaml } from '../yaml/found-yaml.ts';
import type { LocatedMapping } from '../yaml/read-fields.ts';
import type { FaultSink } from '../yaml/rules-fault.ts';
import { childLocation, type YamlLocation } from '../yaml/yaml-location.ts';
import { getField, isYamlMapping, isYamlSequence, TypedScalar, type YamlValue } from '../yaml/yaml-values.ts';

/** Every response that passes the descriptor carries its metadata, and Envoy keeps that as long as the stream. */
const MAX_JSON_BYTES = 4096;
const MAX_DEPTH = 8;

/**
 * Reads a descriptor's `metadata`, a mapping of any YAML values without tags. envoyproxy/ratelimit has the same field,
 * and also returns it under `metadata`. Returns undefined if it is absent, empty or faulty.
 */
export function readMetadata({ mapping, location: parent }: LocatedMapping, faults: FaultSink): Metadata | undefined {
  const value = getField(mapping, 'metadata');
  if (value === undefined) return undefined;
  const location = childLocation(parent, 'metadata');
  if (!isYamlMapping(value)) {
    faults.report(location, withFoundYaml('must be a mapping', value));
    return undefined;
  }
  const faultsBefore = faults.count;
  const metadata = toMetadataValue(value, location, MAX_DEPTH, faults) as Metadata; // a mapping, as the value is one
  if (faults.count > faultsBefore || Object.keys(metadata).length === 0) return undefined;
  const bytes = Buffer.byteLength(JSON.stringify(metadata));
  if (bytes > MAX_JSON_BYTES) {
    faults.report(location, `must be at most ${MAX_JSON_BYTES} bytes as JSON (got ${bytes})`);
  }
  return metadata;
}

/** Faults do not show values of metadata, which can be anything. */
function toMetadataValue(
  value: YamlValue,
  location: YamlLocation,
  levelsLeft: number,
  faults: FaultSink,
): MetadataValue {
  if (value === null || typeof value === 'string') return value;
  if (value instanceof TypedScalar) return toMetadataScalar(value, location, faults);
  if (levelsLeft === 0) {
    faults.report(location, `must be nested at most ${MAX_DEPTH} levels deep`);
    return null;
  }
  if (isYamlSequence(value)) {
    return value.map((item, index) => toMetadataValue(item, childLocation(location, index), levelsLeft - 1, faults));
  }
  const fields = Object.entries(value).map(([key, item]) => [
    key,
    toMetadataValue(item, childLocation(location, key), levelsLeft - 1, faults),
  ]);
  return Object.fromEntries(fields);
}

function toMetadataScalar({ value }: TypedScalar, location: YamlLocation, faults: FaultSink): MetadataValue {
  if (typeof value === 'number' && !Number.isFinite(value)) faults.report(location, 'must be a finite number');
  return value;
}
