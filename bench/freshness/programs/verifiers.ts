import { setTimeout as sleep } from 'node:timers/promises';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { createVerifier, type Verifier, VerifierError } from '../../../kits/node/src/index.ts';
import { sessionTokenRequest, tokenOf } from '../../fixtures.ts';
import { ask } from '../../load/ask.ts';
import { request } from '../../load/request.ts';
import { answerCalls } from '../child.ts';
import { monotonicMs } from '../clock.ts';
import type { Seen, VerifiersPlan, Watch } from '../watch.ts';

// Several services that each have a verifier of their own, as `@signet/verifier` makes it. The package tells nobody when it hears of a
// change, so each is asked again and again, as its service would: what is timed is its answer.

const { issuer, port, audience, fronts } = JSON.parse(process.argv[2] as string) as VerifiersPlan;
const ASK_EVERY_MS = 2;
const PATIENCE_MS = 20_000;
/** Of tokens that live for a minute, so that asking costs nothing beside what else is measured. */
const ASK_STATELESS_EVERY_MS = 100;

const verifiers = fronts.map((front) =>
  createVerifier({
    ...{ issuer, audience, reachAt: `http://127.0.0.1:${front}`, status: 'required' },
    onError: (error) => process.stderr.write(`${(error as Error).message}\n`),
  }),
);

/** What a service says to a request that needs the permission. */
async function answerOf(verifier: Verifier, token: string, permission: string): Promise<string> {
  try {
    await verifier.admit(`Bearer ${token}`, { perms: permission });
    return 'accepted';
  } catch (error) {
    if (error instanceof VerifierError) return error.code;
    throw error;
  }
}

/** Until it says so: when, or null when it never does. */
async function timeOf(wanted: string, verifier: Verifier, token: string, permission: string): Promise<number | null> {
  for (const deadline = monotonicMs() + PATIENCE_MS; monotonicMs() < deadline; await sleep(ASK_EVERY_MS))
    if ((await answerOf(verifier, token, permission)) === wanted) return monotonicMs();
  return null;
}

/** A client comes again when a server broke off in the middle of an answer. */
async function nextToken(cookie: string): Promise<string> {
  const once = () => tokenOf(port, sessionTokenRequest(cookie, audience));
  return once().catch(once);
}

const words = {
  removal: { before: 'accepted', after: 'token_suspended' },
  addition: { before: 'permission_denied', after: 'permission_superseded' },
};

async function see({ token, permission, kind, cookie }: Watch): Promise<Seen> {
  const { after } = words[kind];
  if (kind === 'removal') {
    const known = await Promise.all(verifiers.map((one) => timeOf(after, one, token, permission)));
    return { known, works: [] };
  }
  // One client talks to all of these services: the first that says "refresh" makes it do so.
  let refreshed: Promise<string> | undefined;
  const both = await Promise.all(
    verifiers.map(async (one) => {
      const known = await timeOf(after, one, token, permission);
      if (known === null) return { known, works: null };
      refreshed ??= nextToken(cookie);
      return { known, works: await timeOf('accepted', one, await refreshed, permission) };
    }),
  );
  return { known: both.map((one) => one.known), works: both.map((one) => one.works) };
}

let watching: Promise<Seen> | undefined;

answerCalls({
  /** Answers when every verifier has looked at the token and nothing has changed yet. */
  async begin(watch: Watch) {
    const { before } = words[watch.kind];
    const said = await Promise.all(verifiers.map((one) => answerOf(one, watch.token, watch.permission)));
    const wrong = said.find((one) => one !== before);
    if (wrong !== undefined) throw new Error(`Before the ${watch.kind} a verifier says ${wrong}, not ${before}.`);
    watching = see(watch);
  },
  finish: () => watching,
  /** The baseline: a verifier that looks at signature, issuer, audience and `exp`, with no leeway. When each token was refused. */
  async expire({ tokens, audience }: { tokens: string[]; audience: string }) {
    const { body } = await ask(port, request('GET', '/.well-known/jwks.json'));
    const keys = createLocalJWKSet(JSON.parse(body) as JSONWebKeySet);
    const isGood = (token: string) =>
      jwtVerify(token, keys, { issuer, audience, typ: 'at+jwt' }).then(
        () => true,
        () => false,
      );
    const refusedAt = async (token: string) => {
      if (!(await isGood(token))) throw new Error('A token of the baseline is refused from the start.');
      while (await isGood(token)) await sleep(ASK_STATELESS_EVERY_MS);
      return monotonicMs();
    };
    return Promise.all(tokens.map(refusedAt));
  },
});
