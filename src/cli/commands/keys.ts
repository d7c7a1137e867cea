import { listKeys } from '../../tokens/index.ts';
import type { DatabaseCommand } from '../command.ts';
import { instant, rows, when } from './text.ts';

export const keysList: DatabaseCommand = {
  kind: 'database',
  name: 'keys list',
  summary: 'The signing keys, newest first',
  usage: '',
  words: { min: 0, max: 0 },
  async run({ db }) {
    const keys = await listKeys(db.fork());
    return {
      data: {
        keys: keys.map((one) => ({
          kid: one.kid,
          alg: one.alg,
          state: one.state,
          created_at: instant(one.createdAt),
          published_at: instant(one.publishedAt),
          activated_at: instant(one.activatedAt),
          retire_at: instant(one.retireAt),
        })),
      },
      text:
        keys.length === 0
          ? 'There is no signing key yet. The server makes one when it starts.'
          : rows(
              ['KID', 'ALG', 'STATE', 'SINCE'],
              keys.map((one) => [one.kid, one.alg, one.state, when(one.activatedAt ?? one.createdAt)]),
            ),
    };
  },
};
