import { parseArgs } from 'node:util';
import { optionalNames } from './peers/installed.ts';

export interface Arguments {
  readonly what: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly only: readonly string[] | undefined;
  readonly users: number;
  readonly workers: number;
  readonly changes: number;
  /** Optional peers that take part; undefined: all that are installed. */
  readonly peers: readonly string[] | undefined;
  /** Every row for a moment: whether it works, not how fast. */
  readonly isSmoke: boolean;
  readonly profileTo: string | undefined;
  /** Long enough to be kept, or `--save`. */
  readonly isKept: boolean;
}

export const usage = `npm run bench -- [rows|storm|grants|seed|workers|freshness] [options]
  --rounds N      rounds (5)
  --seconds S     seconds a measurement (10)
  --only ROW,ROW  of rows: login, session, has_perm, token-rs256, token-es256, token-opaque,
                  refresh-rs256, refresh-es256, code-rs256, code-es256, introspect,
                  introspect-new, userinfo, jwks, discovery, status-list, catalogue, pages, verifier,
                  memory, start
  --peers LIST    of rows: optional peers that take part, of django, hydra, keycloak; or none
                  (all that npm run bench:peers has installed)
  --smoke         every row for a moment: whether it works; fails when an answer is not right
  --users N       of seed: users (1000000); groups, permissions and sessions in proportion
  --workers N     of workers: how many beside one (2)
  --changes N     of freshness: changes (600); --rounds and --seconds are not for it
  --cpu-prof DIR  Signet writes a CPU profile there when it stops
  --save          keep the figures of a short run too`;

const KEPT = { rounds: 5, seconds: 10 };
const SMOKE = { rounds: 1, seconds: 0.3 };
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
      peers: { type: 'string' },
      smoke: { type: 'boolean' },
      'cpu-prof': { type: 'string' },
      save: { type: 'boolean' },
    },
  });
  const what = positionals[0] ?? 'rows';
  const isOfChanges = what === 'freshness';
  const isSmoke = values.smoke === true;
  const standard = isSmoke ? SMOKE : KEPT;
  const rounds = isOfChanges ? 1 : number(values.rounds, standard.rounds);
  const seconds = number(values.seconds, standard.seconds);
  const only = values.only?.split(',').filter(Boolean);
  const users = number(values.users, isSmoke ? 2000 : 1_000_000);
  const changes = number(values.changes, 600);
  const isWhole = isOfChanges
    ? changes >= KEPT_CHANGES
    : rounds >= KEPT.rounds &&
      seconds >= KEPT.seconds &&
      only === undefined &&
      values.peers === undefined &&
      users >= 1_000_000;
  return {
    what,
    rounds,
    seconds,
    only,
    users,
    workers: number(values.workers, 2),
    changes,
    peers: values.peers === undefined ? undefined : peersOf(values.peers),
    isSmoke,
    profileTo: values['cpu-prof'],
    isKept: !isSmoke && (values.save === true || (isWhole && values['cpu-prof'] === undefined)),
  };
}

function peersOf(text: string): readonly string[] {
  const names = text.split(',').filter((name) => name !== '' && name !== 'none');
  const unknown = names.find((name) => !(optionalNames as readonly string[]).includes(name));
  if (unknown !== undefined) throw new Error(`There is no optional peer ${unknown}.\n\n${usage}`);
  return names;
}

function number(text: string | undefined, standard: number): number {
  const value = text === undefined ? standard : Number(text);
  if (!(value > 0)) throw new Error(`${text} is no number above 0.\n\n${usage}`);
  return value;
}
