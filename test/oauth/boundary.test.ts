import { AuditEntry } from '../../src/audit/index.ts';
import { Consent } from '../../src/oauth/authorization-entities.ts';
import {
  allowPermissions,
  detachClients,
  disallowPermissions,
  readBoundary,
  updateClient,
} from '../../src/oauth/index.ts';
import { changeCatalogue, deleteApi, updateApi } from '../../src/permissions/index.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { allocateIndex, RefreshGrant, STATUS, TokenStatus, updateClientStatuses } from '../../src/tokens/index.ts';
import { onEachEngine } from '../support/database.ts';
import { jwtClaims } from '../support/flows.ts';
import t from '../support/tap.ts';
import { openPolls } from '../support/world.ts';

/** The current state of a token's status index. */
async function readState(db: Database, token: string): Promise<number> {
  const { idx, uri } = jwtClaims(token).status.status_list;
  const statusIndex = { list: Number(uri.split('/').at(-1)), idx };
  return (await db.fork().findOneOrFail(TokenStatus, statusIndex)).state;
}

t.test('boundaries', (t) =>
  onEachEngine(t, async (t, db) => {
    const s = await openPolls(db);
    const { polls, third, web, code, redeem, post, choicePermissions } = s;
    const [add, change, view] = (await choicePermissions('add', 'change', 'view')) as [never, never, never];
    const all = (await choicePermissions('add', 'change', 'view', 'delete')).map((one) => one.id);
    const { at } = s;
    const client = { id: third.principal };
    /** Tokens of alice for the third party, who was let use everything. */
    const tokens = async (by = third) => {
      const permissions = by === third ? all : null;
      const answer = await redeem(await code(by, { permissions }), {}, by);
      t.equal(answer.statusCode, 200);
      return answer.json() as { access_token: string; refresh_token: string };
    };
    const refresh = async (refresh_token: string, by = third) => {
      const answer = await post('token', { grant_type: 'refresh_token', refresh_token }, by);
      t.equal(answer.statusCode, 200);
      return answer.json() as { access_token: string; refresh_token: string };
    };
    const permissions = (token: string) => jwtClaims(token).permissions;

    await t.test(
      'docs/oauth.md, docs/freshness.md: what is taken from a boundary suspends the tokens that say it; a refresh says less, and nobody logs in',
      async (t) => {
        const [ours, theirs] = [await tokens(), await tokens(web)];
        t.same(permissions(ours.access_token), ['polls.add_choice', 'polls.view_choice']);
        const before = await version(db, third.principal);
        t.same(await disallowPermissions(db.fork(), at(), client, [add, change]), ['polls.add_choice']);
        t.ok((await version(db, third.principal)) > before, 'what processes keep of the client is old');
        t.equal(await readState(db, ours.access_token), STATUS.suspended);
        t.equal(await readState(db, theirs.access_token), STATUS.valid, "another client's tokens say what they said");
        t.same(permissions(theirs.access_token), ['polls.add_choice', 'polls.change_choice', 'polls.view_choice']);
        t.match(
          await s.introspect(ours.access_token, third),
          { active: true, permissions: ['polls.view_choice'] },
          'rights as of now',
        );
        const next = await refresh(ours.refresh_token);
        t.same(permissions(next.access_token), ['polls.view_choice']);
        t.equal(await readState(db, next.access_token), STATUS.valid);
        t.match(await s.introspect(next.access_token, third), { active: true, permissions: ['polls.view_choice'] });
      },
    );

    await t.test(
      'docs/oauth.md, docs/freshness.md: what is added supersedes them: they stay good for what they say, a refresh says more',
      async (t) => {
        const { access_token, refresh_token } = await tokens();
        t.same(await allowPermissions(db.fork(), at(), client, [change, view]), ['polls.change_choice']);
        t.equal(await readState(db, access_token), STATUS.superseded);
        t.match(await s.introspect(access_token, third), { active: true });
        const next = await refresh(refresh_token);
        t.same(permissions(next.access_token), ['polls.change_choice', 'polls.view_choice']);
        await updateApi(db.fork(), at(), polls, { withSuperseded: false });
        const plain = await tokens();
        await allowPermissions(db.fork(), at(), client, [add]);
        t.equal(await readState(db, plain.access_token), STATUS.valid, 'verifiers that know 0 alone go on');
        await updateApi(db.fork(), at(), polls, { withSuperseded: true });
      },
    );

    await t.test('docs/oauth.md: only the tokens of the API whose permissions they are', async (t) => {
      const shop = await s.api('shop', { permissions: [{ app: 'shop', codename: 'buy', label: 'Can buy' }] });
      const [buy] = (await s.permissions(shop, 'shop.buy')) as [never];
      const { access_token } = await tokens();
      t.same(await allowPermissions(db.fork(), at(), client, [buy]), ['shop.buy']);
      t.same(await readBoundary(db.fork(), client), {
        polls: ['polls.add_choice', 'polls.change_choice', 'polls.delete_choice', 'polls.view_choice'],
        shop: ['shop.buy'],
      });
      await disallowPermissions(db.fork(), at(), client, [buy]);
      t.equal(await readState(db, access_token), STATUS.valid);
      await allowPermissions(db.fork(), at(), client, [buy]);
      await changeCatalogue(db.fork(), at(), shop, [], { prune: true });
      t.notOk('shop' in (await readBoundary(db.fork(), client)), 'what is removed from an API drops out');
    });

    await t.test('docs/oauth.md: a change is in the edit log once; one that changes nothing is not', async (t) => {
      const count = () => db.fork().count(AuditEntry, { objectId: third.principal });
      const before = await count();
      t.same(await disallowPermissions(db.fork(), at(), client, [view]), ['polls.view_choice']);
      t.same(await disallowPermissions(db.fork(), at(), client, [view]), []);
      t.equal((await count()) - before, 1);
      const [entry] = await db.fork().find(AuditEntry, { objectId: third.principal }, { orderBy: { id: 'desc' } });
      t.match(entry, { action: 'change', objectKind: 'client', before: { boundary: ['polls.view_choice'] } });
      await allowPermissions(db.fork(), at(), client, [view]);
    });

    await t.test(
      'docs/permissions.md, docs/oauth.md: a client that is not first-party any more is limited from that moment on; one that becomes it is not limited',
      async (t) => {
        const { access_token } = await tokens(web);
        await s.updateClient(web, { isFirstParty: false });
        t.equal(await readState(db, access_token), STATUS.suspended);
        await s.updateClient(web, { isFirstParty: true });
        const ours = await tokens();
        await updateClient(db.fork(), at(), client, { isFirstParty: true });
        t.equal(await readState(db, ours.access_token), STATUS.superseded);
        t.same(await disallowPermissions(db.fork(), at(), client, [add]), ['polls.add_choice']);
        t.equal(await readState(db, ours.access_token), STATUS.superseded, 'its boundary means nothing now');
        await allowPermissions(db.fork(), at(), client, [add]);
        await updateClient(db.fork(), at(), client, { isFirstParty: false });
      },
    );

    await t.test(
      'docs/freshness.md: a token that is issued while a boundary is lowered either has its status index before, or reads the boundary after',
      { skip: db.engine === 'embedded' ? 'one connection: nothing happens at once' : false },
      async (t) => {
        const { access_token } = await tokens();
        const grants = await db.fork().find(RefreshGrant, { client: third.principal, endedAt: null });
        const grant = grants.find((one) => one.session === jwtClaims(access_token).sid) as RefreshGrant;
        const owner = {
          kind: 'grant' as const,
          id: grant.id,
          principal: s.alice.id,
          api: (await s.api('late')).id,
          endsAt: grant.expiresAt,
        };
        let isTaken = false;
        let taking: Promise<void> | undefined;
        await db.fork().transactional(async (tx) => {
          await disallowPermissions(tx, at(), client, [add]);
          taking = allocateIndex(db, owner, s.clock.now()).then(() => {
            isTaken = true;
          });
          // As long as it would take many times over, were it free to.
          await new Promise((resolve) => setTimeout(resolve, 300));
          t.notOk(isTaken, 'a new index waits for the end of the change');
        });
        await taking;
        t.ok(isTaken, 'and comes after it');
        await allowPermissions(db.fork(), at(), client, [add]);
      },
    );

    await t.test('docs/freshness.md: no change of no API moves nothing', async (t) => {
      const { access_token } = await tokens();
      const moved = await db
        .fork()
        .transactional((tx) => updateClientStatuses(tx, client.id, { kind: 'removed', apis: [] }));
      t.same([moved, await readState(db, access_token)], [0, STATUS.valid]);
    });

    await t.test(
      'docs/permissions.md: an API that goes takes the boundaries and the consents at it along',
      async (t) => {
        const gone = await s.api('gone', { permissions: [{ app: 'gone', codename: 'go', label: 'Can go' }] });
        const service = await s.client('Other', { requests: [gone] });
        await s.allow(service, gone, 'gone.go');
        const other = { id: service.principal };
        const em = db.fork();
        for (const one of [gone.id, polls.id])
          em.persist(
            em.create(Consent, {
              principal: s.alice.id,
              client: other.id,
              api: one,
              scopes: ['openid'],
              permissions: [],
              createdAt: s.clock.now(),
              updatedAt: s.clock.now(),
            }),
          );
        await em.flush();
        await deleteApi(db.fork(), at(), gone, (tx, { id }) => detachClients(tx, id));
        t.same(await readBoundary(db.fork(), other), {});
        t.same(
          (await db.fork().find(Consent, { client: other.id })).map((one) => one.api),
          [polls.id],
          'those at other APIs stay',
        );
      },
    );
  }),
);

async function version(db: Database, principal: string): Promise<number> {
  const sql = 'select perms_version::int as version from permissions_principal where id = ?';
  const [row] = await db.fork().execute<{ version: number }[]>(sql, [principal]);
  return row?.version as number;
}
