import { randomUUIDv7 } from 'node:crypto';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type { AuditContext } from '../../audit/index.ts';
import { type Api, createApi, findApi, OWN_AUDIENCE } from '../../permissions/index.ts';
import { type Database, PlatformState } from '../../platform/database/index.ts';
import { Failure } from '../../platform/errors.ts';
import { analyzeTables, apply, type ImportRun } from './apply.ts';
import { runInSteps } from './batches.ts';
import { describeRefusal } from './describe.ts';
import { readExisting } from './existing.ts';
import { findLastSuperusers } from './last-superuser.ts';
import { makePlan } from './plan.ts';
import { planMissing } from './plan-missing.ts';
import type { ImportOptions, Plan } from './plan-state.ts';
import { proposeRenames } from './propose-renames.ts';
import { parseDump } from './reader/json.ts';
import { DEFAULT_USER_MODEL, readDjango, readUserModel } from './reader/read.ts';
import { Renames, readRenames } from './renames.ts';
import { emptyReport, type ImportReport, isRefused } from './report.ts';
import { userModelStateName } from './source.ts';
import { deleteAbandonedRows, deleteStagedRows, stage, withImportLock } from './stage.ts';

export interface ImportInput extends ImportOptions {
  /** Content of the file. */
  readonly text: string;
  /** Its name, for people. */
  readonly file: string;
  /** The API that the permissions belong to; made when there is none. */
  readonly audience: string;
  /** Everything but writing. */
  readonly dryRun: boolean;
  /** Label of the project's AUTH_USER_MODEL. */
  readonly userModel?: string | undefined;
  /** Its USERNAME_FIELD, where the dump does not show it. */
  readonly usernameField?: string | undefined;
  /** Content and name of a file of renames. */
  readonly renames?: { readonly text: string; readonly name: string } | undefined;
  /** Where proposals of other names are written, for people; absent where they are only shown. */
  readonly renamesFile?: string | undefined;
  /** Imports the rest where people, groups or rights have no place here. */
  readonly allowUnmapped?: boolean | undefined;
}

/** `done` of `total` records; `total` is 0 where a step has none. */
export interface Progress {
  readonly step: 'read' | 'compare' | 'plan' | 'stage' | 'write';
  readonly done: number;
  readonly total: number;
}

/**
 * Imports what `manage.py dumpdata` wrote: all of it in one transaction, or nothing. Records that an earlier run imported are
 * left as they are. Failures: an unreadable or incomplete file (usage, with the command that makes a complete one); names that
 * Signet has from elsewhere or that fold to one (conflict; `details.report` is the report of what would have been done).
 */
export async function importDjango(
  db: Database,
  audit: AuditContext,
  input: ImportInput,
  progress: (p: Progress) => void,
): Promise<ImportReport> {
  const userModel = readUserModel(input.userModel ?? DEFAULT_USER_MODEL);
  const em = db.fork();
  const api = await findTarget(em, audit, input.audience);
  const plan = await preparePlan(em, api, audit, input, userModel, progress);
  const { report } = plan;
  if (input.dryRun) return withoutId(report);
  if (isRefused(report, input))
    throw new Failure('conflict', describeRefusal(report, input), { report: withoutId(report) });
  if (plan.rows.length === 0 && api) return withoutId(report);
  await write(db, { id: report.importId as string, audit, plan }, userModel, progress);
  await analyzeTables(em);
  return report;
}

async function preparePlan(
  em: SqlEntityManager,
  api: Api | null,
  audit: AuditContext,
  input: ImportInput,
  userModel: string,
  progress: (p: Progress) => void,
): Promise<Plan> {
  const { dryRun, file, superusers } = input;
  const renames = new Renames(
    input.renames ? readRenames(input.renames.text, input.renames.name) : [],
    input.renames?.name ?? '',
  );
  const raw = parseDump(input.text, file, userModel);
  const tell = (step: Progress['step']) => (done: number) => progress({ step, done, total: raw.length });
  const dump = await runInSteps(
    readDjango(raw, { file, userModel, usernameField: input.usernameField, renames }),
    tell('read'),
  );
  const audience = api?.audience ?? input.audience;
  await checkSource(em, audience, userModel, dump.users.records.length + dump.users.refused.length > 0);
  progress({ step: 'compare', done: 0, total: 0 });
  const existing = await readExisting(em, api, audience, dump);
  const report = emptyReport({ dryRun, file, api: audience, apiCreated: api === null, userModel, superusers });
  report.importId = randomUUIDv7();
  const plan = await runInSteps(makePlan(dump, existing, input, report, audit.at), tell('plan'));
  await planMissing(em, api?.id, plan);
  report.lastSuperusers.push(...(await findLastSuperusers(em, plan)));
  report.renames = await proposeRenames(em, plan.renameCandidates, dump);
  return plan;
}

/** An id that is written nowhere would only mislead. */
function withoutId(report: ImportReport): ImportReport {
  return { ...report, importId: null };
}

/** The API of the audience; null when it is to be made. Failures: Signet's own, a malformed audience. */
async function findTarget(em: SqlEntityManager, audit: AuditContext, audience: string): Promise<Api | null> {
  const api = audience === OWN_AUDIENCE ? null : await findApi(em, audience);
  if (audience === OWN_AUDIENCE || api?.isBuiltin)
    throw new Failure(
      'usage',
      "That is Signet's own API: its superusers rule Signet. Name another with --api; it is made when there is none.",
    );
  if (api) return api;
  // Made and rolled back, so that a name which will be refused is refused now, in a dry run too.
  const isFit = new Error('fit');
  try {
    await em.fork().transactional(async (tx) => {
      await createApi(tx, audit, audience);
      throw isFit;
    });
  } catch (error) {
    if (error !== isFit) throw error;
  }
  return null;
}

/** Primary keys say who is who within one model only: a second model would be taken for the first. */
async function checkSource(
  em: SqlEntityManager,
  audience: string,
  userModel: string,
  hasUsers: boolean,
): Promise<void> {
  const state = hasUsers ? await em.findOne(PlatformState, { name: userModelStateName(audience) }) : null;
  if (state === null || state.value === userModel) return;
  throw new Failure(
    'conflict',
    `${audience} has users that were imported from ${String(state.value)}: those of ${userModel} could not be told from them. Import them into another API.`,
  );
}

async function write(db: Database, work: ImportRun, userModel: string, progress: (p: Progress) => void): Promise<void> {
  const { rows, report } = work.plan;
  // What a crash left of another one; should it fail, this one does not.
  await deleteAbandonedRows(db).catch(() => {});
  await withImportLock(db, work.id, async () => {
    try {
      await stage(db.fork(), work.id, rows, (done) => progress({ step: 'stage', done, total: rows.length }));
      progress({ step: 'write', done: 0, total: rows.length });
      await db.fork().transactional(async (tx) => {
        await apply(tx, work, (done) => progress({ step: 'write', done, total: rows.length }));
        if (report.users.created > 0) await storeUserModel(tx, report.api, userModel);
      });
    } catch (error) {
      // Should this fail too, the next start of a server drops them.
      await deleteStagedRows(db.fork(), work.id).catch(() => {});
      throw toFailure(error);
    }
  });
  progress({ step: 'write', done: rows.length, total: rows.length });
}

async function storeUserModel(tx: SqlEntityManager, audience: string, userModel: string): Promise<void> {
  await tx.execute('insert into platform_state (name, value) values (?, ?::jsonb) on conflict do nothing', [
    userModelStateName(audience),
    JSON.stringify(userModel),
  ]);
}

/**
 * Unique and foreign key violations (SQLSTATE 23505, 23503): somebody made or deleted what the plan counted on. Of any other
 * error of the database only message and code go on: its parameters and details may hold password hashes.
 */
function toFailure(error: unknown): Error {
  if (error instanceof Failure) return error;
  const { code, message, stack } = error as Error & { code?: string };
  if (code !== '23505' && code !== '23503') return Object.assign(new Error(message), { code, stack });
  return new Failure(
    'conflict',
    'Nothing was imported: a user, group or permission was made, deleted or imported meanwhile. Run the import again.',
  );
}
