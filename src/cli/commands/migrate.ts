import { makeMasterKey, readMasterKey } from '../../platform/config/index.ts';
import {
  type Database,
  type DatabaseProblem,
  findDatabaseProblems,
  type RoleDefaults,
} from '../../platform/database/index.ts';
import { Failure } from '../../platform/errors.ts';
import { prepareDatabase } from '../../server/own-permissions.ts';
import { countKeys } from '../../tokens/index.ts';
import { isSet, type RunOnDatabase } from '../command.ts';
import { explain } from '../messages.ts';
import { lackedMigrations } from './text.ts';

export const migrate: RunOnDatabase = async ({ db, config, audit }, input) => {
  if (isSet(input, 'check')) {
    const pending = await db.migrations.pending();
    if (pending.length > 0) throw new Failure('failed', lackedMigrations(pending), { pending });
    return { data: { pending }, text: 'The database is up to date.' };
  }
  await requireNoProblem(db, 'database_standby');
  const defaults = await db.writeRoleDefaults();
  // Behind a pooler, open connections get the new defaults only after a reconnect.
  await requireNoProblem(db, 'database_setting_wrong', roleDefaultLines(defaults));
  const applied = await prepareDatabase(db, audit());
  const keyNote = await ensureMasterKey();
  const migrationText = applied.length === 0 ? 'The database is up to date.' : `Applied: ${applied.join(', ')}`;
  return {
    data: { applied, role_defaults: defaults },
    text: [migrationText, keyNote, ...roleDefaultLines(defaults)].filter(Boolean).join('\n'),
  };

  async function ensureMasterKey(): Promise<string> {
    if (readMasterKey(config)) return '';
    if ((await countKeys(db.fork())) > 0)
      throw new Failure(
        'failed',
        `The database is migrated, but its signing keys are sealed by a master key that is not here. Put the key into ${config.keysDir}/master.key, or set SIGNET_MASTER_KEY_FILE.`,
      );
    makeMasterKey(config);
    return `Made ${config.keysDir}/master.key. Keep a copy: without it the signing keys cannot be read.`;
  }
};

async function requireNoProblem(
  db: Database,
  code: DatabaseProblem['error']['code'],
  hints: readonly string[] = [],
): Promise<void> {
  const problem = (await findDatabaseProblems(db)).find((one) => one.isFatal && one.error.code === code);
  if (problem) throw new Failure('failed', [explain(problem.error), ...hints].join('\n'), { code });
}

/** Describes the role defaults, which apply to new connections of a pooler. */
function roleDefaultLines({ written, refused }: RoleDefaults): string[] {
  const lines: string[] = [];
  if (written.length > 0) lines.push('Set for the role of DATABASE_URL, in this database:', ...indented(written));
  if (refused.length > 0)
    lines.push(
      'This role may not set its own defaults. Behind a pooler in transaction mode an administrator has to run:',
      ...indented(refused),
    );
  return lines;
}

const indented = (statements: readonly string[]) => statements.map((statement) => `  ${statement};`);
