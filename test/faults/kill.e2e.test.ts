import { postgresqlUrl } from '../support/database.ts';
import t, { type Test } from '../support/tap.ts';
import { type Engine, killRounds } from './kill.ts';

// 15 of the rounds; `npm run faults` does 100 on each engine. FAULTS_SEED repeats what was done.

const seed = Number(process.env['FAULTS_SEED'] ?? Date.now() % 1_000_000_000);

async function survives(t: Test, engine: Engine, rounds: number): Promise<void> {
  t.comment(`FAULTS_SEED=${seed}`);
  let acknowledged = 0;
  await killRounds(engine, seed, rounds, (told) => {
    acknowledged += told.acknowledged;
    t.pass(`round ${told.round + 1}: ${told.acknowledged} acknowledged, all there`);
  });
  t.ok(acknowledged >= rounds * 20, `${acknowledged} outcomes were acknowledged and found again, each once`);
}

t.test('kill -9 during logins, sign-ups, changes and imports, embedded: nothing acknowledged is lost or doubled', (t) =>
  survives(t, 'embedded', 8),
);

const skip = postgresqlUrl === undefined && 'DATABASE_URL is not set';
t.test('kill -9 during the same, PostgreSQL: nothing acknowledged is lost or doubled', { skip }, (t) =>
  survives(t, 'postgresql', 7),
);
