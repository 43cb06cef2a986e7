import { BoundedMap } from '../../collections/bounded-map.ts';
import type { UnknownSettings } from '../../decide/check/configuration-fault.ts';
import { Metadata } from '../../generated/envoy/config/core/v3/base.ts';
import type { WireReader } from '../wire/wire-reader.ts';
import { addSettings, DEFAULT_ROUTE_SETTINGS, type RouteSettings } from './route-settings.ts';
import { applySetting, applyUnknownKey, SETTING_KEYS } from './setting-table.ts';

/** The namespace in which Envoy Gateway describes the resources of a route, with their annotations. */
const NAMESPACE = 'envoy-gateway';

/** Each route has metadata of its own, and Envoy sends it with every request on the route, so it is read once. */
const MAX_CACHED_ROUTES = 1_000;
const MAX_CACHED_BYTES = 4_096;

/** By what happens to unknown settings, then by the bytes of the metadata. */
const cachedSettings = {
  deny: new BoundedMap<string, RouteSettings>(MAX_CACHED_ROUTES, 'clear'),
  warn: new BoundedMap<string, RouteSettings>(MAX_CACHED_ROUTES, 'clear'),
};

/**
 * Reads the route's metadata (`route_metadata_context`) at the reader. Returns the settings in the annotations of its
 * resources, whose names are those of context extensions. Envoy Gateway sends annotations with the prefix
 * `gateway.envoyproxy.io/`, without it. If several resources have a setting, the first one counts.
 */
export function readRouteAnnotations(reader: WireReader, unknownSettings: UnknownSettings): RouteSettings {
  const bytes = reader.readLatin1();
  const cache = cachedSettings[unknownSettings];
  const cached = cache.get(bytes);
  if (cached !== undefined) return cached;
  const settings = parseAnnotations(decodeMetadata(bytes), unknownSettings);
  if (bytes.length <= MAX_CACHED_BYTES) cache.set(bytes, settings);
  return settings;
}

function decodeMetadata(bytes: string): Metadata {
  try {
    return Metadata.decode(Buffer.from(bytes, 'latin1'));
  } catch (error) {
    throw new RangeError('the metadata of the route is not well-formed', { cause: error });
  }
}

function parseAnnotations({ filterMetadata }: Metadata, unknownSettings: UnknownSettings): RouteSettings {
  const gateway = filterMetadata[NAMESPACE];
  const resources: unknown = gateway?.resources;
  if (!Array.isArray(resources)) return DEFAULT_ROUTE_SETTINGS;
  return resources.reduce<RouteSettings>(
    (settings, resource: unknown) => addSettings(settings, parseResource(resource, unknownSettings)),
    DEFAULT_ROUTE_SETTINGS,
  );
}

function parseResource(resource: unknown, unknownSettings: UnknownSettings): RouteSettings {
  let settings = DEFAULT_ROUTE_SETTINGS;
  if (!isRecord(resource) || !isRecord(resource.annotations)) return settings;
  for (const [key, value] of Object.entries(resource.annotations)) {
    const index = SETTING_KEYS.indexOf(key.toLowerCase());
    // Values of annotations are strings. Any other value is not the name of anything, so it is a fault.
    const text = typeof value === 'string' ? value : '';
    settings =
      index < 0
        ? applyUnknownKey(key, settings, unknownSettings)
        : applySetting(index, text, settings, unknownSettings, 'annotation');
  }
  return settings;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
