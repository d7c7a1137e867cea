import { parseArgs } from 'node:util';

export interface Arguments {
  readonly what: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly only: readonly string[] | undefined;
  readonly users: number;
  readonly workers: number;
  readonly changes: number;
  readonly profileTo: string | undefined;
  /** Long enough to be kept, or `--save`. */
  readonly isKept: boolean;
}

export const usage = `npm run bench -- [rows|storm|grants|seed|workers|freshness] [options]
  --rounds N      rounds (5)
  --seconds S     seconds a measurement (10)
  --only ROW,ROW  of rows: login, session, has_perm, token-rs256, token-es256, refresh-rs256,
                  refresh-es256, code-rs256, code-es256, introspect, introspect-new, jwks, discovery,
                  memory, start
  --users N       of seed: users (1000000); groups, permissions and sessions in proportion
  --workers N     of workers: how many beside one (2)
  --changes N     of freshness: changes (600); --rounds and --seconds are not for it
  --cpu-prof DIR  Signet writes a CPU profile there when it stops
  --save          keep the figures of a short run too`;

const KEPT = { rounds: 5, seconds: 10 };
/** The target is set for at least so many. */
const KEPT_CHANGES = 500;

export function readArguments(words: string[]): Arguments {
  const { values, positionals } = parseArgs({
    args: words,
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      only: { type: 'string' },
      users: { type: 'string' },
      workers: { type: 'string' },
      changes: { type: 'string' },
      'cpu-prof': { type: 'string' },
      save: { type: 'boolean' },
    },
  });
  const what = positionals[0] ?? 'rows';
  const isOfChanges = what === 'freshness';
  const rounds = isOfChanges ? 1 : number(values.rounds, KEPT.rounds);
  const seconds = number(values.seconds, KEPT.seconds);
  const only = values.only?.split(',').filter(Boolean);
  const users = number(values.users, 1_000_000);
  const changes = number(values.changes, 600);
  const isWhole = isOfChanges
    ? changes >= KEPT_CHANGES
    : rounds >= KEPT.rounds && seconds >= KEPT.seconds && only === undefined && users >= 1_000_000;
  return {
    what,
    rounds,
    seconds,
    only,
    users,
    workers: number(values.workers, 2),
    changes,
    profileTo: values['cpu-prof'],
    isKept: values.save === true || (isWhole && values['cpu-prof'] === undefined),
  };
}

function number(text: string | undefined, standard: number): number {
  const value = text === undefined ? standard : Number(text);
  if (!(value > 0)) throw new Error(`${text} is no number above 0.\n\n${usage}`);
  return value;
}
