import { parseArgs } from 'node:util';

export interface Arguments {
  readonly what: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly only: readonly string[] | undefined;
  readonly users: number;
  readonly workers: number;
  readonly profileTo: string | undefined;
  /** Long enough to be kept, or `--save`. */
  readonly isKept: boolean;
}

export const usage = `npm run bench -- [rows|storm|grants|seed|workers] [options]
  --rounds N      rounds (5)
  --seconds S     seconds a measurement (10)
  --only ROW,ROW  of rows: login, session, has_perm, token-rs256, token-es256, introspect,
                  introspect-new, jwks, discovery, memory, start
  --users N       of seed: users (1000000); groups, permissions and sessions in proportion
  --workers N     of workers: how many beside one (2)
  --cpu-prof DIR  Signet writes a CPU profile there when it stops
  --save          keep the figures of a short run too`;

const KEPT = { rounds: 5, seconds: 10 };

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
      'cpu-prof': { type: 'string' },
      save: { type: 'boolean' },
    },
  });
  const rounds = number(values.rounds, KEPT.rounds);
  const seconds = number(values.seconds, KEPT.seconds);
  const only = values.only?.split(',').filter(Boolean);
  const users = number(values.users, 1_000_000);
  const isWhole = rounds >= KEPT.rounds && seconds >= KEPT.seconds && only === undefined && users >= 1_000_000;
  return {
    what: positionals[0] ?? 'rows',
    rounds,
    seconds,
    only,
    users,
    workers: number(values.workers, 2),
    profileTo: values['cpu-prof'],
    isKept: values.save === true || (isWhole && values['cpu-prof'] === undefined),
  };
}

function number(text: string | undefined, standard: number): number {
  const value = text === undefined ? standard : Number(text);
  if (!(value > 0)) throw new Error(`${text} is no number above 0.\n\n${usage}`);
  return value;
}
