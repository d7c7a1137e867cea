import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { importDjango, type Progress } from '../../../src/imports/django/index.ts';
import { onEachEngine } from '../../support/database.ts';
import t from '../../support/tap.ts';
import { audit, defaults, picture, type Row, userRow } from './dumps.ts';

const USERS = 20_000;

/** A project of 20,000 users, 200 groups and 1,000 permissions. */
function largeProject(): string {
  const rows: Row[] = [];
  for (let type = 1; type <= 250; type++) {
    rows.push({
      model: 'contenttypes.contenttype',
      pk: type,
      fields: { app_label: `app${type % 25}`, model: `model${type}` },
    });
    for (const [index, action] of ['add', 'change', 'delete', 'view'].entries())
      rows.push({
        model: 'auth.permission',
        pk: type * 4 + index,
        fields: { name: `Can ${action} model ${type}`, content_type: type, codename: `${action}_model${type}` },
      });
  }
  for (let group = 1; group <= 200; group++) {
    const permissions = Array.from({ length: 20 }, (_, index) => 4 + ((group * 31 + index * 7) % 1000));
    rows.push({ model: 'auth.group', pk: group, fields: { name: `Group ${group}`, permissions } });
  }
  for (let user = 1; user <= USERS; user++)
    rows.push(
      userRow(user, `user${user}`, {
        email: `user${user}@example.test`,
        groups: [1 + (user % 200), 1 + ((user + 7) % 200)],
        user_permissions: user % 4 === 0 ? [4 + (user % 1000)] : [],
      }),
    );
  return JSON.stringify(rows, null, 1);
}

await onEachEngine(t, async (t, db) => {
  await t.test('a dump of 20,000 users: queries of others are answered between the batches', async (t) => {
    const text = largeProject();
    t.comment(`${(text.length / 1e6).toFixed(1)} MB`);
    const delay = monitorEventLoopDelay({ resolution: 5 });
    const steps: string[] = [];
    let [isRunning, answered, answeredWhileStaging] = [true, 0, 0];
    const others = (async () => {
      while (isRunning) {
        // As requests come: from the event loop, not from the last answer.
        await setImmediate();
        await db.fork().execute('select 1');
        answered++;
        if (steps.at(-1)?.startsWith('stage')) answeredWhileStaging++;
      }
    })();
    delay.enable();
    let [last, longest] = [performance.now(), new Map<string, number>()];
    const progress = ({ step }: Progress) => {
      if (!steps.includes(step)) steps.push(step);
      const at = performance.now();
      longest.set(step, Math.max(longest.get(step) ?? 0, at - last));
      last = at;
    };
    const began = performance.now();
    const report = await importDjango(db, audit, { ...defaults, text }, progress);
    const took = performance.now() - began;
    delay.disable();
    isRunning = false;
    await others;
    t.comment(
      `${Math.round(took)} ms; longest block of the event loop ${Math.round(delay.max / 1e6)} ms; ${answered} queries of others answered, ${answeredWhileStaging} while rows were put aside`,
    );
    t.comment(`longest turn by step: ${[...longest].map(([step, ms]) => `${step} ${Math.round(ms)} ms`).join(', ')}`);
    t.match(report, {
      users: { created: USERS },
      groups: { created: 200 },
      permissions: { created: 1000 },
      unmapped: [],
    });
    t.same(steps, ['read', 'compare', 'plan', 'stage', 'write']);
    t.ok(answeredWhileStaging > 10, 'others are served meanwhile');
    t.match((await picture(db.fork()))['imports_staged_row'], /^0 /);
    const again = await importDjango(db, audit, { ...defaults, text }, () => {});
    t.match(again, { importId: null, users: { known: USERS }, changedInDump: [], changedInSignet: [] });
  });
});
