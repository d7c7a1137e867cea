import type { SqlEntityManager } from '@mikro-orm/sql';
import { recordChange } from '../../audit/index.ts';
import { Client, deleteConsents, getClient } from '../../oauth/index.ts';
import { Api } from '../../permissions/index.ts';
import { Failure } from '../../platform/errors.ts';
import { parseUuid } from '../../platform/text.ts';
import { endGrants, lastGrantUse, listGrants, RefreshGrant } from '../../tokens/index.ts';
import { getUser, readUsernames } from '../../users/index.ts';
import { type Input, Misuse, optionText, type RunOnDatabase } from '../command.ts';
import { transaction } from '../context.ts';
import { instant, pluralize, rows, when } from './text.ts';
import { optionalUser } from './user-options.ts';

/** Reads which grants are meant: those of a user, of a client, of a client for a user, or one. */
async function readGrantFilter(
  em: SqlEntityManager,
  input: Input,
): Promise<{ id?: string; principal?: string; client?: string }> {
  const [user, client] = [optionalUser(input), optionText(input, 'client')];
  const [grantId] = input.positionals;
  if ((grantId === undefined) === (user === undefined && client === undefined))
    throw new Misuse('Name a user, a client, or one grant');
  if (grantId === undefined)
    return {
      ...(user === undefined ? {} : { principal: (await getUser(em, user)).id }),
      ...(client === undefined ? {} : { client: (await getClient(em, client)).id }),
    };
  const id = parseUuid(grantId);
  const grant = id === null ? null : await em.findOne(RefreshGrant, id);
  if (!grant)
    throw new Failure(
      'notFound',
      `There is no grant ${grantId}. List those of a user: npx signet grant list --user NAME`,
    );
  return { id: grant.id };
}

export const grantList: RunOnDatabase = async ({ db, clock }, input) => {
  const em = db.fork();
  const grants = await listGrants(em, await readGrantFilter(em, input), clock.now());
  const usernames = await readUsernames(
    em,
    grants.map((one) => one.principal),
  );
  const clients = new Map(
    (await em.find(Client, { id: { $in: grants.map((one) => one.client) } })).map((one) => [one.id, one]),
  );
  const apis = new Map(
    (await em.find(Api, { id: { $in: grants.flatMap((one) => one.api ?? []) } })).map((one) => [one.id, one.audience]),
  );
  const grantData = grants.map((one) => ({
    id: one.id,
    username: usernames.get(one.principal) ?? one.principal,
    client_id: clients.get(one.client)?.clientId ?? one.client,
    client: clients.get(one.client)?.name ?? '',
    audience: apis.get(one.api ?? '') ?? '',
    scope: one.scope,
    session: one.session,
    created_at: instant(one.createdAt),
    rotated_at: instant(one.rotatedAt),
    last_used_at: instant(lastGrantUse(one)),
    expires_at: instant(one.idleExpiresAt < one.expiresAt ? one.idleExpiresAt : one.expiresAt),
  }));
  const lines = grantData.map((one, index) => [
    one.id,
    one.username,
    one.client,
    one.audience,
    when(grants[index]?.createdAt as Date),
    when(lastGrantUse(grants[index] as RefreshGrant)),
  ]);
  return {
    data: { grants: grantData },
    text:
      grants.length === 0
        ? 'There is no live refresh grant.'
        : rows(['GRANT', 'USER', 'CLIENT', 'API', 'SINCE', 'LAST USED'], lines),
  };
};

export const grantEnd: RunOnDatabase = async (context, input) => {
  const ended = await transaction(context, async (tx) => {
    const audit = context.audit();
    const filter = await readGrantFilter(tx, input);
    if (filter.id === undefined) await deleteConsents(tx, filter);
    const grants = await endGrants(tx, audit.at, filter, 'ended_by_operator');
    for (const { id, client } of grants) {
      const object = { kind: 'grant', id, label: client };
      recordChange(tx, audit, { action: 'change', object, after: { ended: 'ended_by_operator' } });
    }
    return grants.map((one) => one.id);
  });
  return { data: { ended }, text: `Ended ${pluralize(ended.length, 'refresh grant')}.` };
};
