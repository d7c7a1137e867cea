import { readRights } from '../../access/index.ts';
import { recordChange, recordEvent } from '../../audit/index.ts';
import { findSourceId, getUser, holderOf } from '../../identity/index.ts';
import { Failure } from '../../platform/failure.ts';
import {
  budgetExcess,
  countKeys,
  type OverBudget,
  OWN_CLIENT,
  signAccessToken,
  type TokenRequest,
} from '../../tokens/index.ts';
import type { Context, DatabaseCommand } from '../command.ts';
import { changing } from './changing.ts';
import { namedApi, required } from './options.ts';

/** A token for trials and emergencies. Audited; never the way a program logs in. */
export const tokenIssue: DatabaseCommand = {
  kind: 'database',
  name: 'token issue',
  summary: 'Print an access token, for trials; audited, and never the way a program logs in',
  usage: '--user N --api AUDIENCE',
  options: { user: { type: 'string' }, api: { type: 'string' } },
  words: { min: 0, max: 0 },
  async run(context, input) {
    const line = `npx signet ${tokenIssue.name} ${tokenIssue.usage}`;
    const request = await requestOf(context, required(input, 'user', line), required(input, 'api', line));
    if ((await countKeys(context.db.fork())) === 0)
      throw new Failure('failed', 'There is no signing key yet. Start the server once: it makes one.');
    const keys = await context.keys();
    const excess = budgetExcess(keys, request, context.clock.now());
    if (excess) throw overBudget(request.api.audience, excess);
    const { token, claims, expiresIn } = signAccessToken(keys, request, context.clock.now());
    await changing(context, async (tx) => {
      const stamp = context.stamp();
      const { id, username } = request.subject;
      const told = { sub: id, aud: claims.aud, jti: claims.jti, exp: claims.exp };
      recordChange(tx, stamp, {
        action: 'issue',
        object: { kind: 'token', id: claims.jti, label: username },
        after: told,
      });
      recordEvent(tx, stamp.at, {
        kind: 'token_issued',
        userId: id,
        detail: { aud: claims.aud, jti: claims.jti, by: stamp.actor.label },
      });
    });
    return { data: { access_token: token, token_type: 'Bearer', expires_in: expiresIn }, text: token };
  },
};

async function requestOf(context: Context, username: string, audience: string): Promise<TokenRequest> {
  const em = context.db.fork();
  const issuer = context.issuer();
  const user = await getUser(em, username);
  if (!user.isActive)
    throw new Failure(
      'conflict',
      `${user.username} is inactive. Activate the user: npx signet user activate ${user.username}`,
    );
  const api = await namedApi(context, em, audience);
  const rights = await readRights(em, holderOf(user), api.id, context.clock.now());
  const sourceId = api.withSourceId ? await findSourceId(context.db, api.audience, user.id) : undefined;
  return { issuer, api, clientId: OWN_CLIENT, subject: user, rights, session: null, scope: undefined, sourceId };
}

function overBudget(audience: string, { bytes, budget, permissions }: OverBudget): Failure {
  const remedy = `Raise it (npx signet api update ${audience} --budget 8192), or give this user fewer permissions of that API.`;
  const text = `The token would have ${bytes} bytes for ${permissions} permissions; the budget of ${audience} is ${budget}. ${remedy}`;
  return new Failure('conflict', text, { bytes, budget, permissions });
}
