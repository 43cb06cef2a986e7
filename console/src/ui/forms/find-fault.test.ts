import { describe, expect, it } from 'vitest';
import { ApiError } from '../../api/api-error.ts';
import { findFault } from './find-fault.ts';

const ERROR = new ApiError('2 fields are invalid', {
  violations: [
    { field: 'api_key.features[1]', description: 'must be visible ASCII' },
    { field: 'api_key.plan', description: 'must exist' },
  ],
});

describe('findFault', () => {
  it('returns the fault of the field', () => {
    expect(findFault(ERROR, 'api_key.plan')).toBe('must exist');
  });

  it('returns the fault of an item of a list, and says which item', () => {
    expect(findFault(ERROR, 'api_key.features')).toBe('[1]: must be visible ASCII');
  });

  it('returns all faults of the field', () => {
    const violations = ['[0]', '[2]'].map((part) => ({ field: `api_key.features${part}`, description: 'must differ' }));
    const error = new ApiError('2 fields are invalid', { violations });
    expect(findFault(error, 'api_key.features')).toBe('[0]: must differ; [2]: must differ');
  });

  it('returns nothing for other fields, also if their names begin alike', () => {
    expect(findFault(ERROR, 'api_key.pla')).toBeUndefined();
    expect(findFault(undefined, 'api_key.plan')).toBeUndefined();
  });
});
