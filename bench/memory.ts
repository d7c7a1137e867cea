import type { Comparison, Plan, Round } from './figures.ts';
import { optionalPeers } from './peers/optional.ts';
import { hashWidth, type Servers } from './servers.ts';
import { MEMORY as MEMORY_PEER, POSTGRESQL } from './targets.ts';

/** A running hash holds its 19 MiB; the target sets those apart. */
const HASH_MIB = 19;

/** Resident memory: idle right after the start, loaded = the most that was seen while anything was measured. */
export async function memory(servers: Servers): Promise<Plan> {
  const { idleMiB } = await servers.signet();
  const of = (against: string, value: Comparison['value']): Comparison => ({
    work: 'memory',
    against,
    unit: 'MiB',
    value,
  });
  return {
    notes: [],
    measured: [],
    comparisons: [
      of('before any load', () => idleMiB),
      of('loaded', loaded('signet.')),
      of(`${MEMORY_PEER} loaded`, loaded('oidc-provider.')),
      of(`${POSTGRESQL} loaded`, loaded('oidc-provider-postgresql.')),
      of('Better Auth loaded', loaded('better-auth.')),
      ...optionalPeers.map(({ name, title }) => of(`${title} loaded`, loaded(`${name}.`))),
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
