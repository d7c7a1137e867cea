import { makeMasterKey, readMasterKey } from '../../platform/config/index.ts';
import { Failure } from '../../platform/failure.ts';
import { countKeys } from '../../tokens/index.ts';
import { type DatabaseCommand, isSet } from '../command.ts';
import { prepareDatabase } from '../prepare.ts';

export const migrate: DatabaseCommand = {
  kind: 'database',
  name: 'migrate',
  summary: 'Bring the database to this version; --check only says whether that is needed',
  usage: '[--check]',
  options: { check: { type: 'boolean' } },
  words: { min: 0, max: 0 },
  beforeMigrations: true,
  makesDatabase: true,
  async run({ db, config, stamp }, input) {
    if (isSet(input, 'check')) {
      const pending = await db.migrations.pending();
      if (pending.length > 0)
        throw new Failure(
          'failed',
          `The database lacks ${pending.length} migration(s): ${pending.join(', ')}. Run: npx signet migrate`,
          { pending },
        );
      return { data: { pending }, text: 'The database is up to date.' };
    }
    const applied = await prepareDatabase(db, stamp());
    const keyNote = await ensureMasterKey();
    const done = applied.length === 0 ? 'The database is up to date.' : `Applied: ${applied.join(', ')}`;
    return { data: { applied }, text: [done, keyNote].filter(Boolean).join('\n') };

    async function ensureMasterKey(): Promise<string> {
      if (readMasterKey(config)) return '';
      if ((await countKeys(db.fork())) > 0)
        throw new Failure(
          'failed',
          `The database is migrated, but its signing keys are sealed by a master key that is not here. Put it into ${config.keysDir}/master.key, or set SIGNET_MASTER_KEY_FILE.`,
        );
      makeMasterKey(config);
      return `Made ${config.keysDir}/master.key. Keep a copy: without it the signing keys cannot be read.`;
    }
  },
};
