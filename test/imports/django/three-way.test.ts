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
/** What Signet changes: fields that are absent stay. */
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

/** The rules, by a model of their own. */
class Model {
  here: State;
  #last: State;
  #ours: { first: string; email: string };
  #isDeactivatedHere = false;

  constructor(base: State) {
    this.here = { ...base };
    this.#last = { ...base };
    this.#ours = { first: base.first, email: base.email };
  }

  signet(change: Partial<State>): void {
    if (change.active !== undefined && change.active !== this.here.active) this.#isDeactivatedHere = !change.active;
    Object.assign(this.here, change);
  }

  import(django: State): void {
    for (const field of ['first', 'email'] as const) {
      if (django[field] === this.#last[field]) continue;
      if (this.here[field] !== this.#ours[field] && this.here[field] !== django[field]) continue;
      this.#last[field] = this.#ours[field] = this.here[field] = django[field];
    }
    // A set and a flag: what is gained is given, what is lost is taken, what did not change in Django stays as it is here.
    for (const field of ['staff', 'member', 'holds'] as const) {
      if (django[field] !== this.#last[field]) this.here[field] = django[field];
      this.#last[field] = django[field];
    }
    if (django.active === this.#last.active) return;
    if (django.active && !this.here.active && this.#isDeactivatedHere) return;
    // Whom Signet has deactivated stays so, though Django did it too.
    if (this.here.active !== django.active) this.#isDeactivatedHere = false;
    this.#last.active = this.here.active = django.active;
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
              const expected = { ...models[index]?.here, email: mail(index, models[index]?.here.email ?? '') };
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
