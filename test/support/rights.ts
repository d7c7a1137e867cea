import { createRights, type Rights, type RightsData } from '../../src/permissions/has-perm.ts';

/** Returns rights with these permissions, in a catalogue of only these. */
export function testRights(names: readonly string[], overrides: Partial<RightsData> = {}): Rights {
  return createRights({
    isActive: true,
    isSuperuser: false,
    isStaff: false,
    indexes: names.map((_, index) => index),
    names,
    catalogue: { version: 1, hash: Buffer.alloc(32, 1).toString('base64url'), length: names.length },
    groups: [],
    version: 1,
    endsAtMs: Number.POSITIVE_INFINITY,
    ...overrides,
  });
}
