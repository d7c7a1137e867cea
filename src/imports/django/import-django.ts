import { randomUUIDv7 } from 'node:crypto';
import type { SqlEntityManager } from '@mikro-orm/sql';
import type { AuditContext } from '../../audit/index.ts';
import { type Api, createApi, findApi, OWN_AUDIENCE } from '../../permissions/index.ts';
import { type Database, PlatformState, storeState } from '../../platform/database/index.ts';
import { Failure } from '../../platform/errors.ts';
import { analyzeImported, apply, type ImportRun } from './apply.ts';
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
  /** The API of the permissions; created if it does not exist. */
  readonly audience: string;
  /** Runs everything except writing. */
  readonly dryRun: boolean;
  /** Label of the project's AUTH_USER_MODEL. */
  readonly userModel?: string | undefined;
  /** Its USERNAME_FIELD, if the dump does not show it. */
  readonly usernameField?: string | undefined;
  /** Content and name of a file of renames. */
  readonly renames?: { readonly text: string; readonly name: string } | undefined;
  /** The name of the file to which proposed names are written, for messages; absent if they are only shown. */
  readonly renamesFile?: string | undefined;
  /** Imports the rest if users, groups or rights cannot be imported. */
  readonly allowUnmapped?: boolean | undefined;
}

/** `done` of `total` records; `total` is 0 for steps without a number of records. */
export interface Progress {
  readonly step: 'read' | 'compare' | 'plan' | 'stage' | 'write';
  readonly done: number;
  readonly total: number;
}

/**
 * Imports the output of `manage.py dumpdata` in one transaction. Without `--existing update`, records of earlier runs do not change. Throws
 * Failure for an unreadable or incomplete file (usage, with the command that creates a complete one), and for names that exist in Signet
 * from another source or are equal after folding (conflict, with the report of a dry run in `details.report`).
 */
export async function importDjango(
  db: Database,
  audit: AuditContext,
  input: ImportInput,
  onProgress: (progress: Progress) => void,
): Promise<ImportReport> {
  const userModel = readUserModel(input.userModel ?? DEFAULT_USER_MODEL);
  const em = db.fork();
  const api = await findTarget(em, audit, input.audience);
  const plan = await preparePlan(em, api, { audit, input, userModel }, onProgress);
  const { report } = plan;
  if (input.dryRun) return withoutId(report);
  if (isRefused(report, input))
    throw new Failure('conflict', describeRefusal(report, input), { report: withoutId(report) });
  if (plan.rows.length === 0 && api) return withoutId(report);
  await write(db, { id: report.importId as string, audit, plan }, userModel, onProgress);
  await analyzeImported(em);
  return report;
}

async function preparePlan(
  em: SqlEntityManager,
  api: Api | null,
  { audit, input, userModel }: { audit: AuditContext; input: ImportInput; userModel: string },
  onProgress: (progress: Progress) => void,
): Promise<Plan> {
  const { dryRun, file, superusers } = input;
  const renames = new Renames(
    input.renames ? readRenames(input.renames.text, input.renames.name) : [],
    input.renames?.name ?? '',
  );
  const raw = parseDump(input.text, file, userModel);
  const reportStep = (step: Progress['step']) => (done: number) => onProgress({ step, done, total: raw.length });
  const dump = await runInSteps(
    readDjango(raw, { file, userModel, usernameField: input.usernameField, renames }),
    reportStep('read'),
  );
  const audience = api?.audience ?? input.audience;
  await checkSource(em, audience, userModel, dump.users.records.length + dump.users.refused.length > 0);
  onProgress({ step: 'compare', done: 0, total: 0 });
  const existing = await readExisting(em, api, audience, dump);
  const report = emptyReport({ dryRun, file, api: audience, apiCreated: api === null, userModel, superusers });
  report.importId = randomUUIDv7();
  const plan = await runInSteps(makePlan(dump, existing, input, report, audit.at), reportStep('plan'));
  await planMissing(em, api?.id, plan);
  report.lastSuperusers.push(...(await findLastSuperusers(em, plan)));
  report.renames = await proposeRenames(em, plan.renameCandidates, dump);
  return plan;
}

/** Removes the import id from the report of an import that wrote nothing. */
function withoutId(report: ImportReport): ImportReport {
  return { ...report, importId: null };
}

/** Returns the API of the audience; null if it must be created. Throws Failure for Signet's own API and for a malformed audience. */
async function findTarget(em: SqlEntityManager, audit: AuditContext, audience: string): Promise<Api | null> {
  const api = audience === OWN_AUDIENCE ? null : await findApi(em, audience);
  if (audience === OWN_AUDIENCE || api?.isBuiltin)
    throw new Failure(
      'usage',
      "That is Signet's own API: its superusers rule Signet. Name another with --api; it is made when there is none.",
    );
  if (api) return api;
  // Creates the API and rolls back, so that an invalid name is refused now, in a dry run too.
  const rollback = new Error('fit');
  try {
    await em.fork().transactional(async (tx) => {
      await createApi(tx, audit, audience);
      throw rollback;
    });
  } catch (error) {
    if (error !== rollback) throw error;
  }
  return null;
}

/** Throws Failure if the API has users of another model: primary keys are unique within one model only. */
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

async function write(
  db: Database,
  run: ImportRun,
  userModel: string,
  onProgress: (progress: Progress) => void,
): Promise<void> {
  const { rows, report } = run.plan;
  // Deletes rows that a crash left. An error does not stop this import.
  await deleteAbandonedRows(db).catch(() => {});
  await withImportLock(db, run.id, async () => {
    try {
      await stage(db.fork(), run.id, rows, (done) => onProgress({ step: 'stage', done, total: rows.length }));
      onProgress({ step: 'write', done: 0, total: rows.length });
      await db.fork().transactional(async (tx) => {
        await apply(tx, run, (done) => onProgress({ step: 'write', done, total: rows.length }));
        if (report.users.created > 0) await storeState(tx, userModelStateName(report.api), userModel);
      });
    } catch (error) {
      // If this fails too, the next start of a server deletes them.
      await deleteStagedRows(db.fork(), run.id).catch(() => {});
      throw toFailure(error);
    }
  });
  onProgress({ step: 'write', done: rows.length, total: rows.length });
}

/**
 * Converts unique and foreign key violations (SQLSTATE 23505, 23503) to Failure: rows were created or deleted concurrently. Of other
 * database errors only message and code are kept, because parameters and details may contain password hashes.
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
