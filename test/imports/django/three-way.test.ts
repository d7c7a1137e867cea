import fc from 'fast-check';
import { addMembers, readGroups, removeMembers } from '../../../src/permissions/index.ts';
import { findUser, type User, updateUser } from '../../../src/users/index.ts';
import { onEachEngine } from '../../support/database.ts';
import t from '../../support/tap.ts';
import { audit, picture, type Row, runImport, smallProject, userRow } from './dumps.ts';

// docs/guides/django-import.md, "What --existing does": random changes between two dumps and in Signet, held to the rules of that page.

interface State {
  active: boolean;
  staff: boolean;
  first: string;
  email: string;
  member: boolean;
  holds: boolean;
}

const state = fc.record({
  active: fc.boolean(),
  staff: fc.boolean(),
  first: fc.constantFrom('', 'A', 'B'),
  email: fc.constantFrom('', 'x', 'y'),
  member: fc.boolean(),
  holds: fc.boolean(),
});
/** Changes in Signet; absent fields stay. */
const changes = fc.record(
  {
    active: fc.boolean(),
    first: fc.constantFrom('', 'A', 'C'),
    email: fc.constantFrom('', 'x', 'z'),
    member: fc.boolean(),
  },
  { requiredKeys: [] },
);
const one = fc.record({
  base: state,
  steps: fc.array(fc.record({ signet: changes, django: state }), { minLength: 1, maxLength: 3 }),
});

/** A model of the rules, independent of the implementation. */
class Model {
  local: State;
  #last: State;
  #imported: { first: string; email: string };
  #isDeactivatedLocally = false;

  constructor(base: State) {
    this.local = { ...base };
    this.#last = { ...base };
    this.#imported = { first: base.first, email: base.email };
  }

  signet(change: Partial<State>): void {
    if (change.active !== undefined && change.active !== this.local.active) this.#isDeactivatedLocally = !change.active;
    Object.assign(this.local, change);
  }

  import(django: State): void {
    for (const field of ['first', 'email'] as const) {
      if (django[field] === this.#last[field]) continue;
      if (this.local[field] !== this.#imported[field] && this.local[field] !== django[field]) continue;
      this.#last[field] = this.#imported[field] = this.local[field] = django[field];
    }
    // Sets and flags: gains and losses in Django are applied; without a change in Django the local value stays.
    for (const field of ['staff', 'member', 'holds'] as const) {
      if (django[field] !== this.#last[field]) this.local[field] = django[field];
      this.#last[field] = django[field];
    }
    if (django.active === this.#last.active) return;
    if (django.active && !this.local.active && this.#isDeactivatedLocally) return;
    // A user whom Signet has deactivated stays inactive, even if Django did the same.
    if (this.local.active !== django.active) this.#isDeactivatedLocally = false;
    this.#last.active = this.local.active = django.active;
  }
}

let counter = 0;

await onEachEngine(t, async (t, db) => {
  await t.test(
    'whatever changed where, an update leaves what the rules say, and a second one nothing to do',
    async (t) => {
      let brought = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(one, { minLength: 1, maxLength: 4 }), async (people) => {
          const tag = `w${counter++}-${db.engine}`;
          const name = (index: number) => `p${index}-${tag}`;
          const mail = (index: number, text: string) => (text === '' ? '' : `${text}${index}@${tag}.test`);
          const dump = (states: readonly State[]): Row[] => [
            ...smallProject.map((row) =>
              row.model === 'auth.group' ? { ...row, fields: { ...row.fields, name: `G ${tag}` } } : row,
            ),
            ...states.map((of, index) =>
              userRow(index + 1, name(index), {
                password: '!',
                is_active: of.active,
                is_staff: of.staff,
                first_name: of.first,
                email: mail(index, of.email),
                groups: of.member ? [1] : [],
                user_permissions: of.holds ? [2] : [],
              }),
            ),
          ];
          const run = (states: readonly State[]) => runImport(db, dump(states), { audience: tag, existing: 'update' });
          const user = async (index: number) => (await findUser(db.fork(), name(index))) as User;
          await run(people.map((each) => each.base));
          const models = people.map((each) => new Model(each.base));
          for (let step = 0; step < Math.max(...people.map((each) => each.steps.length)); step++) {
            const now = people.map(
              (each) => each.steps[Math.min(step, each.steps.length - 1)] as (typeof each.steps)[0],
            );
            for (const [index, { signet }] of now.entries()) {
              const who = await user(index);
              const { active, first, email, member } = signet;
              const change = {
                ...(active === undefined ? {} : { isActive: active }),
                ...(first === undefined ? {} : { firstName: first }),
                ...(email === undefined ? {} : { email: mail(index, email) }),
              };
              if (Object.keys(change).length > 0) await updateUser(db.fork(), audit, who, change);
              if (member !== undefined) {
                const [row] = await db
                  .fork()
                  .execute<{ id: string }[]>('select id from permissions_group where name = ?', [`G ${tag}`]);
                const group = { id: row?.id as string, name: `G ${tag}` } as Parameters<typeof addMembers>[2];
                await (member ? addMembers : removeMembers)(db.fork(), audit, group, [
                  { id: who.id, label: who.username },
                ]);
              }
              models[index]?.signet(signet);
            }
            const states = now.map((each) => each.django);
            const report = await run(states);
            brought += report.applied.length + report.takenAway.length;
            for (const [index, django] of states.entries()) {
              models[index]?.import(django);
              const who = await user(index);
              const [held] = await db.fork().execute<{ holds: boolean; staff: boolean }[]>(
                `select exists(select from permissions_assignment where principal_id = ?) as holds,
                 exists(select from permissions_role where principal_id = ? and is_staff) as staff`,
                [who.id, who.id],
              );
              const actual = {
                active: who.isActive,
                staff: held?.staff,
                first: who.firstName,
                email: who.email,
                member: (await readGroups(db.fork(), who.id)).length > 0,
                holds: held?.holds,
              };
              const expected = { ...models[index]?.local, email: mail(index, models[index]?.local.email ?? '') };
              if (JSON.stringify(actual) !== JSON.stringify(expected))
                throw new Error(`${name(index)} is ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`);
            }
            const before = await picture(db.fork());
            const second = await run(states);
            if (second.importId !== null || JSON.stringify(await picture(db.fork())) !== JSON.stringify(before))
              throw new Error('a second run wrote something');
          }
        }),
        { numRuns: 8, endOnFailure: true },
      );
      t.ok(brought > 5, `${brought} changes were brought`);
    },
  );
});
