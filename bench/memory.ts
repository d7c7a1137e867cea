import { type Cast, hashWidth } from './cast.ts';
import type { Comparison, Plan, Round } from './figures.ts';

/** A running hash holds its 19 MiB; the target sets those apart. */
const HASH_MIB = 19;

/** Resident memory: idle right after the start, loaded = the most that was seen while anything was measured. */
export async function memory(cast: Cast): Promise<Plan> {
  const { idleMiB } = await cast.signet();
  return {
    notes: [],
    measured: [],
    comparisons: [
      { work: 'memory', against: 'before any load', unit: 'MiB', target: { atMost: 200 }, value: () => idleMiB },
      { work: 'memory', against: 'loaded', unit: 'MiB', target: { atMost: 300 }, value: loaded('signet.') },
      { work: 'memory', against: 'node-oidc-provider loaded', unit: 'MiB', value: loaded('oidc-provider.') },
      { work: 'memory', against: 'Better Auth loaded', unit: 'MiB', value: loaded('better-auth.') },
    ],
  };
}

function loaded(prefix: string): Comparison['value'] {
  return (round: Round) => {
    const sizes = [...round]
      .filter(([id, { rssMiB }]) => id.startsWith(prefix) && rssMiB !== undefined)
      .map(([id, { rssMiB = 0 }]) => rssMiB - (id === 'signet.login' ? hashWidth * HASH_MIB : 0));
    return sizes.length === 0 ? undefined : Math.max(...sizes);
  };
}
