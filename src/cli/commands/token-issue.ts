import { readRights } from '../../access/index.ts';
import { recordChange, recordEvent } from '../../audit/index.ts';
import { findSourceId, getUser, holderOf } from '../../identity/index.ts';
import { getClient } from '../../oauth/index.ts';
import { Failure } from '../../platform/failure.ts';
import { countKeys, draftAccessToken, type OverBudget, OWN_CLIENT, type TokenRequest } from '../../tokens/index.ts';
import { type Context, type DatabaseCommand, optionText } from '../command.ts';
import { usage } from '../parse.ts';
import { changing } from './changing.ts';
import { namedApi, required } from './options.ts';

/** A token for trials and emergencies. Audited; never the way a program logs in. */
export const tokenIssue: DatabaseCommand = {
  kind: 'database',
  name: 'token issue',
  summary: 'Print an access token, for trials; audited, and never the way a program logs in',
  usage: '(--user N | --client ID) --api AUDIENCE',
  options: { user: { type: 'string' }, client: { type: 'string' }, api: { type: 'string' } },
  words: { min: 0, max: 0 },
  async run(context, input) {
    const line = `npx signet ${tokenIssue.name} ${tokenIssue.usage}`;
    const audience = required(input, 'api', line);
    const [user, client] = [optionText(input, 'user'), optionText(input, 'client')];
    if ((user === undefined) === (client === undefined)) throw usage(tokenIssue, 'Name either a user or a client');
    const asked =
      user === undefined
        ? await clientRequest(context, client as string, audience)
        : await userRequest(context, user, audience);
    const { request, holderId, label } = asked;
    if ((await countKeys(context.db.fork())) === 0)
      throw new Failure('failed', 'There is no signing key yet. Start the server once: it makes one.');
    const keys = await context.keys();
    const draft = draftAccessToken(keys, request, context.clock.now());
    if (draft.excess) throw overBudget(request.api.audience, draft.excess);
    const { token, claims, expiresIn } = draft.sign();
    await changing(context, async (tx) => {
      const stamp = context.stamp();
      const told = { sub: claims.sub, aud: claims.aud, jti: claims.jti, exp: claims.exp };
      recordChange(tx, stamp, {
        action: 'issue',
        object: { kind: 'token', id: claims.jti, label },
        after: told,
      });
      recordEvent(tx, stamp.at, {
        kind: 'token_issued',
        userId: user === undefined ? null : holderId,
        detail: { aud: claims.aud, jti: claims.jti, by: stamp.actor.label },
      });
    });
    return { data: { access_token: token, token_type: 'Bearer', expires_in: expiresIn }, text: token };
  },
};

interface Asked {
  readonly request: TokenRequest;
  readonly holderId: string;
  readonly label: string;
}

async function userRequest(context: Context, username: string, audience: string): Promise<Asked> {
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
  const request = {
    issuer,
    api,
    clientId: OWN_CLIENT,
    subject: user,
    rights,
    session: null,
    scope: undefined,
    sourceId,
  };
  return { request, holderId: user.id, label: user.username };
}

async function clientRequest(context: Context, idOrName: string, audience: string): Promise<Asked> {
  const em = context.db.fork();
  const issuer = context.issuer();
  const client = await getClient(em, idOrName);
  if (!client.isActive)
    throw new Failure(
      'conflict',
      `${client.name} is disabled. Enable the client: npx signet client enable ${client.clientId}`,
    );
  const api = await namedApi(context, em, audience);
  const holder = { kind: 'client', id: client.id, isActive: true, isSuperuser: false } as const;
  const rights = await readRights(em, holder, api.id, context.clock.now());
  const subject = { id: client.clientId };
  const request = { issuer, api, clientId: client.clientId, subject, rights, session: null, scope: undefined };
  return { request, holderId: client.id, label: client.name };
}

function overBudget(audience: string, { bytes, budget, permissions }: OverBudget): Failure {
  const remedy = `Raise it (npx signet api update ${audience} --budget 8192), let its tokens carry a bitmap (--over-budget bitmap), or give fewer permissions of that API.`;
  const text = `The token would have ${bytes} bytes for ${permissions} permissions; the budget of ${audience} is ${budget}. ${remedy}`;
  return new Failure('conflict', text, { bytes, budget, permissions });
}
