import { type Measured, merged, type Plan, rateOver } from './figures.ts';
import { AUDIENCE, ES256_AUDIENCE } from './fixtures.ts';
import { besidePeers } from './peers/beside.ts';
import { demandToken, type Signed } from './peers/peer.ts';
import { CONNECTIONS, FAMILIES, rotatedOnce, rotation } from './peers/requests.ts';
import { query } from './postgresql.ts';
import { type Family, openFamilies, rotationsOf } from './seeding/refresh-grants.ts';
import { signet } from './servers/signet.ts';
import type { RunningSignet, Servers } from './servers.ts';

// What a connection sends next is in the answer to what it sent before.

/** Every connection has families of refresh tokens of its own and rotates one with every request: one durable statement each. */
export async function refresh(servers: Servers, alg: Signed): Promise<Plan> {
  const own = await servers.signet();
  const work = `refresh ${alg}`;
  const id = `signet.refresh.${alg}`;
  const others = await besidePeers(servers, alg === 'RS256' ? 'refresh-rs256' : 'refresh-es256', work, id);
  return merged(
    {
      notes: [],
      measured: [
        servers.limited('limit.update', 'durable update of one row', 'update', own.databaseUrl),
        await ours(servers, own, alg),
      ],
      comparisons: [
        { work, against: 'durable update', value: rateOver(id, 'limit.update') },
        { work, against: `token ${alg}`, value: rateOver(id, `signet.token.${alg}`) },
      ],
    },
    others,
  );
}

async function ours(servers: Servers, own: RunningSignet, alg: Signed): Promise<Measured> {
  const { server, installation, usernames, databaseUrl } = own;
  const audience = alg === 'RS256' ? AUDIENCE : ES256_AUDIENCE;
  const made = await signet(installation, [
    ...['client', 'create', `bench refresh ${alg}`, '--preset', 'web', '--first-party', '--api', audience],
    ...['--redirect-uri', 'https://app.example/callback'],
  ]);
  const client = { id: made['client_id'] as string, secret: made['client_secret'] as string };
  let families: Family[] = [];
  const requests = async () => {
    const names = Array.from({ length: FAMILIES }, (_, n) => usernames[n % usernames.length] as string);
    families = await openFamilies(installation, client.id, audience, names);
    // The first of each family takes its installation in a status list, which is not what is measured.
    const taken = await rotatedOnce(
      server.port,
      families.map(({ token }) => rotation('/oauth2/token', client, token)),
    );
    // Autovacuum comes once a minute: until then a plan that was made while the table was small reads the whole of it.
    await query(databaseUrl, 'analyze tokens_grant, tokens_status');
    return taken;
  };
  const served = servers.served(`signet.refresh.${alg}`, `Signet refresh ${alg}, rotated`, server, {
    connections: CONNECTIONS,
    requests,
    demand: demandToken(alg, { withRefresh: true }),
  });
  return {
    ...served,
    async measure(seconds) {
      const sample = await served.measure(seconds);
      // Each once to take its installation.
      const rotations = (await rotationsOf(databaseUrl, families)) - families.length;
      if (rotations < (sample.answered ?? 0))
        throw new Error(`${sample.answered} refreshes were answered, and ${rotations} rotated.`);
      return sample;
    },
  };
}
