import type { LimitJson } from '../generated/weir/admin/v1/limit_pb.js';

/** Describes what few limits have, such as `only on search` or `leased`. Empty: the limit has nothing of it. */
export function describeLimitOptions(limit: LimitJson): string[] {
  const { routes = [], anchorDay = 1, notifyAt = [], onStoreFailure = '', metadataKey = '' } = limit;
  return [
    routes.length > 0 ? `only on ${routes.join(', ')}` : '',
    anchorDay > 1 ? `months start on day ${anchorDay}` : '',
    notifyAt.length > 0 ? `events at ${notifyAt.map((share) => `${share}%`).join(', ')}` : '',
    limit.lease ? 'leased by nodes' : '',
    limit.settle ? 'settled by receipts' : '',
    limit.chargeRejected ? 'charges rejected requests' : '',
    onStoreFailure === '' || onStoreFailure === 'local' ? '' : `without counters: ${onStoreFailure.replace('_', ' ')}`,
    metadataKey === '' ? '' : `published as ${metadataKey}`,
  ].filter((text) => text !== '');
}
