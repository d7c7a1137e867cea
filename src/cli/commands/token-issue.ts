import { LockMode } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { recordChange, recordEvent } from '../../audit/index.ts';
import { findSourceId } from '../../imports/index.ts';
import { Client, createClientCache, getClient, readAudiences } from '../../oauth/index.ts';
import { type Api, createPermissionCache, type PrincipalRef, readRights } from '../../permissions/index.ts';
import { Failure } from '../../platform/errors.ts';
import {
  type AccessToken,
  type AccessTokenClaims,
  countKeys,
  deriveRefreshKey,
  endGrants,
  issueAccessToken,
  type OverBudget,
  OWN_CLIENT,
  openGrant,
  overBudget,
  type StatusOwner,
  type TokenRequest,
} from '../../tokens/index.ts';
import { findActiveUser, getUser, lockUser, type User, type UserRef, userPrincipal } from '../../users/index.ts';
import { type Context, type DatabaseCommand, type Input, isSet, optionText } from '../command.ts';
import { transaction } from '../context.ts';
import { usage } from '../parse.ts';
import { requireApi, requiredOption } from './options.ts';
import { optionalUser, userOptions } from './user-options.ts';

/** Issues a token for trials and emergencies. Audited; programs never log in this way. */
export const tokenIssue: DatabaseCommand = {
  kind: 'database',
  name: 'token issue',
  summary: 'Print an access token, for trials; audited, and never the way a program logs in',
  usage: '((--user N | --user-id ID) [--client ID [--refresh]] | --client ID) --api AUDIENCE',
  options: {
    ...userOptions,
    client: { type: 'string' },
    api: { type: 'string' },
    refresh: { type: 'boolean' },
  },
  args: { min: 0, max: 0 },
  async run(context, input) {
    const line = `npx signet ${tokenIssue.name} ${tokenIssue.usage}`;
    const audience = requiredOption(input, 'api', line);
    const target = await readTarget(context, input, audience);
    if ((await countKeys(context.db.fork())) === 0)
      throw new Failure('failed', 'There is no signing key yet. Start the server once: it makes one.');
    const keys = await context.keys();
    const now = context.clock.now();
    const excess = overBudget({ keys }, target.request, now);
    if (excess) throw tooLarge(audience, excess);
    const refreshGrant = isSet(input, 'refresh') ? await openRefreshGrant(context, target) : undefined;
    const issued = await issue(context, target, refreshGrant?.owner ?? target.owner);
    if (issued instanceof Failure) {
      if (refreshGrant)
        await transaction(context, (tx) => endGrants(tx, now, { id: refreshGrant.owner.id }, 'ended_by_operator'));
      throw issued;
    }
    const { token, claims, expiresIn } = issued;
    await transaction(context, (tx) => record(context, tx, target, claims, refreshGrant !== undefined));
    const data = { access_token: token, token_type: 'Bearer', expires_in: expiresIn };
    if (!refreshGrant) return { data, text: token };
    return {
      data: { ...data, refresh_token: refreshGrant.token },
      text: `${token}\n\nRefresh token:\n${refreshGrant.token}`,
    };
  },
};

/** Reads the principal: a user, a client, or a user with a client. */
function readTarget(context: Context, input: Input, audience: string): Promise<IssueTarget> {
  const [user, client] = [optionalUser(input), optionText(input, 'client')];
  if (isSet(input, 'refresh') && (user === undefined || client === undefined))
    throw usage(tokenIssue, 'A refresh grant is what a client holds for a user: name both');
  if (user !== undefined) return userRequest(context, user, client, audience);
  if (client === undefined) throw usage(tokenIssue, 'Name a user, a client, or both');
  return clientRequest(context, client, audience);
}

async function issue(context: Context, target: IssueTarget, owner: StatusOwner): Promise<AccessToken | Failure> {
  const { db } = context;
  const access = createPermissionCache(db, context.issuer());
  const issueDeps = { db, access, keys: await context.keys() };
  const issued = await issueAccessToken(issueDeps, { ...target, owner, statusIndex: null }, context.clock.now());
  if (issued === 'ended' || issued === 'stale')
    return new Failure(
      'conflict',
      `${target.label} was changed at the same moment. Nothing was issued. Run the command again.`,
    );
  return 'budget' in issued ? tooLarge(target.request.api.audience, issued) : issued;
}

/** Opens the grant that a sign-in with this client would open; audited in its transaction. */
async function openRefreshGrant(
  context: Context,
  { request, user, client }: IssueTarget,
): Promise<{ owner: StatusOwner; token: string }> {
  if (!user || !client)
    throw new Failure(
      'usage',
      'A refresh grant belongs to a client and a user. Name both: --client ID and --user NAME.',
    );
  const { api } = request;
  const { config } = context;
  const life = { idleSeconds: config.refreshIdleSeconds, absoluteSeconds: config.refreshAbsoluteSeconds };
  const audit = context.audit();
  const { grant, token } = await transaction(context, async (tx) => {
    // Locked, so that a concurrent deactivation either comes first or ends this grant too.
    const lockedUser = await lockUser(tx, user);
    const lockedClient = await tx.findOneOrFail(Client, client.id, {
      refresh: true,
      lockMode: LockMode.PESSIMISTIC_READ,
    });
    await requireRefreshable(tx, lockedClient, api);
    if (!lockedUser.isActive || !lockedClient.isActive)
      throw new Failure(
        'conflict',
        'The user or the client is no longer active. Nothing was issued. To see why: npx signet user show, or npx signet client show',
      );
    const holder = { user: lockedUser, client: lockedClient.id, api: api.id, scope: null, session: null };
    const refreshGrant = openGrant(tx, deriveRefreshKey(context.masterKey()), holder, life, audit.at);
    const object = { kind: 'grant', id: refreshGrant.grant.id, label: user.username };
    recordChange(tx, audit, {
      action: 'add',
      object,
      after: { client: lockedClient.clientId, audience: api.audience },
    });
    await tx.flush();
    return refreshGrant;
  });
  const owner = { kind: 'grant', id: grant.id, principal: user.id, api: api.id, endsAt: grant.expiresAt } as const;
  return { owner, token };
}

/** The conditions that the token endpoint checks at every refresh. */
async function requireRefreshable(tx: SqlEntityManager, client: Client, api: Api): Promise<void> {
  const { requests } = await readAudiences(tx, client.id);
  const reason = !client.grantTypes.includes('refresh_token')
    ? `it does not have the grant refresh_token (npx signet client update ${client.clientId} --grant refresh)`
    : !client.isFirstParty
      ? `it is not first-party (npx signet client update ${client.clientId} --first-party on)`
      : !requests.includes(api.audience)
        ? `it may not request tokens for ${api.audience} (npx signet client update ${client.clientId} --api ${api.audience})`
        : undefined;
  if (reason) throw new Failure('conflict', `The client ${client.name} cannot hold a refresh grant: ${reason}.`);
}

function record(
  context: Context,
  tx: SqlEntityManager,
  { user, label }: IssueTarget,
  { sub, aud, jti, exp, client_id: clientId }: AccessTokenClaims,
  isRefreshed: boolean,
): Promise<void> {
  const audit = context.audit();
  const details = { sub, aud, jti, exp, client_id: clientId, ...(isRefreshed ? { refresh: true } : {}) };
  recordChange(tx, audit, { action: 'issue', object: { kind: 'token', id: jti, label }, after: details });
  const detail = { aud, jti, by: audit.actor.label };
  recordEvent(tx, audit.at, { kind: 'token_issued', userId: user?.id ?? null, detail });
  return tx.flush();
}

interface IssueTarget {
  readonly request: TokenRequest & { readonly api: Api };
  readonly principal: PrincipalRef & { readonly version: number };
  readonly owner: StatusOwner;
  readonly user?: User;
  readonly client?: Client;
  readonly label: string;
}

async function userRequest(
  context: Context,
  userRef: UserRef,
  clientName: string | undefined,
  audience: string,
): Promise<IssueTarget> {
  const em = context.db.fork();
  const issuer = context.issuer();
  const user = await getUser(em, userRef);
  if (!user.isActive)
    throw new Failure(
      'conflict',
      `${user.username} is inactive. Activate the user: npx signet user activate ${user.username}`,
    );
  const client = clientName === undefined ? undefined : await activeClient(em, clientName);
  const api = await requireApi(context, em, audience);
  // Read with its version, in one statement.
  const current = await findActiveUser(context.db, user.id);
  if (!current)
    throw new Failure('conflict', `${user.username} was changed at the same moment. Run the command again.`);
  const principal = { ...userPrincipal(current), version: current.version };
  const rights = await readRights(em, principal, api.id, context.clock.now());
  const sourceId = api.withSourceId ? await findSourceId(context.db, api.audience, user.id) : undefined;
  const clientId = client?.clientId ?? OWN_CLIENT;
  const request = { issuer, api, clientId, subject: current, rights, session: null, scope: undefined, sourceId };
  const owner = { kind: 'principal', id: user.id, principal: user.id, api: api.id, endsAt: null } as const;
  return { request, principal, owner, user, ...(client ? { client } : {}), label: user.username };
}

async function clientRequest(context: Context, idOrName: string, audience: string): Promise<IssueTarget> {
  const em = context.db.fork();
  const issuer = context.issuer();
  const client = await activeClient(em, idOrName);
  const api = await requireApi(context, em, audience);
  const current = await createClientCache(context.db).load(client.clientId);
  if (!current?.isActive)
    throw new Failure('conflict', `${client.name} was changed at the same moment. Run the command again.`);
  const { version } = current;
  const principal = { kind: 'client', id: client.id, isActive: true, isSuperuser: false, version } as const;
  const rights = await readRights(em, principal, api.id, context.clock.now());
  const subject = { id: client.clientId };
  const request = { issuer, api, clientId: client.clientId, subject, rights, session: null, scope: undefined };
  const owner = { kind: 'principal', id: client.id, principal: client.id, api: api.id, endsAt: null } as const;
  return { request, principal, owner, client, label: client.name };
}

async function activeClient(em: SqlEntityManager, idOrName: string): Promise<Client> {
  const client = await getClient(em, idOrName);
  if (client.isActive) return client;
  throw new Failure(
    'conflict',
    `${client.name} is disabled. Enable the client: npx signet client enable ${client.clientId}`,
  );
}

function tooLarge(audience: string, { bytes, budget, permissions }: OverBudget): Failure {
  const remedy = `Raise it (npx signet api update ${audience} --budget 8192), let its tokens carry a bitmap (--over-budget bitmap), or give fewer permissions of that API.`;
  const text = `The token would have ${bytes} bytes for ${permissions} permissions; the budget of ${audience} is ${budget}. ${remedy}`;
  return new Failure('conflict', text, { bytes, budget, permissions });
}
