import {
  decodeDump,
  type Entry,
  ImportRefused,
  type ImportReport,
  importDjango,
  isRefused,
  type Progress,
  writeRenames,
} from '../../imports/django/index.ts';
import { Failure } from '../../platform/errors.ts';
import type { FileRows } from '../../server/control.ts';
import { type Context, type Input, isSet, optionText, type RunOnDatabase } from '../command.ts';
import { noteText } from '../messages/import-notes.ts';
import { readBytes, readStdinBytes, readTextIfAny } from '../terminal.ts';
import { describeRefusal, describeReport } from './import-django-text.ts';
import { oneOf, requiredOption } from './options.ts';

export const importDjangoCommand: RunOnDatabase = async (context, input) => {
  const { file, files } = input;
  if (!file) throw new Failure('usage', 'The file is missing.');
  const options = {
    text: file.text,
    file: file.name,
    audience: requiredOption(input, 'api'),
    dryRun: isSet(input, 'dry-run'),
    existing: oneOf(input, 'existing', ['fail', 'skip', 'update']) ?? 'fail',
    missing: oneOf(input, 'missing', ['report', 'deactivate']),
    superusers: oneOf(input, 'superusers', ['api', 'global']) ?? 'api',
    trustEmails: isSet(input, 'trust-emails'),
    userModel: optionText(input, 'user-model'),
    usernameField: optionText(input, 'username-field'),
    renames: files?.['renames'],
    renamesFile: optionText(input, 'renames'),
    allowUnmapped: isSet(input, 'allow-unmapped'),
    tooSlow: (await context.passwords()).tooSlow,
  } as const;
  try {
    const report = await importDjango(context.db, context.audit(), options, progressReporter(context));
    // Only a dry run returns records that would be refused: it exits as the real run would.
    const isFailure = isRefused(report, options);
    const text = describeReport(report, options);
    return { data: wireReport(report), text, isFailure, failureKind: 'conflict', ...renameRows(report, input) };
  } catch (error) {
    if (!(error instanceof ImportRefused)) throw error;
    const { code, report } = error;
    const failure = new Failure('conflict', describeRefusal(report, options), { code, report: wireReport(report) });
    return { data: null, text: '', failure, ...renameRows(report, input) };
  }
};

/** Reads the dump and the renames, on the caller's side. */
export async function readFiles(input: Input): Promise<Input> {
  const path = input.positionals[0];
  const renames = optionText(input, 'renames');
  const renamesText = renames === undefined ? undefined : await readTextIfAny(renames);
  const files: Input['files'] =
    renames === undefined || renamesText === undefined ? {} : { renames: { name: renames, text: renamesText } };
  if (path === undefined || input.file) return { ...input, files };
  const name = path === '-' ? 'standard input' : path;
  const bytes = path === '-' ? await readStdinBytes() : await readBytes(path);
  const text = decodeDump(bytes, name, optionText(input, 'user-model') ?? 'auth.user');
  return { ...input, file: { name, text }, files };
}

/** Proposed names, for the file that the operator reviews; none without that option. */
function renameRows({ renames }: ImportReport, input: Input): { rows?: FileRows } {
  if (renames.length === 0 || optionText(input, 'renames') === undefined) return {};
  return { rows: { option: 'renames', text: writeRenames(renames, input.files?.['renames']?.text) } };
}

const stepTexts: Record<Progress['step'], string> = {
  read: 'reading',
  compare: 'comparing with Signet',
  plan: 'planning',
  stage: 'staging',
  write: 'writing',
};

const PROGRESS_DELAY_MS = 2000;
const PROGRESS_INTERVAL_MS = 500;

/** Reports progress at most twice a second, and only for imports over two seconds. */
function progressReporter({ clock, progress }: Context): (at: Progress) => void {
  let last = clock.now().getTime() + PROGRESS_DELAY_MS - PROGRESS_INTERVAL_MS;
  return ({ step, done, total }) => {
    const now = clock.now().getTime();
    if (now - last < PROGRESS_INTERVAL_MS) return;
    last = now;
    progress(`import: ${stepTexts[step]}${total > 0 ? ` ${done} of ${total}` : ''}`);
  };
}

function wireEntry(entry: Entry) {
  const { record, name, code } = entry;
  return { record, name, code, what: noteText(entry) };
}

/** The report in snake_case. Spelled out, because some of its keys are names from the dump, which must not change. */
function wireReport(report: ImportReport) {
  const { passwords, emails, added } = report;
  return {
    import_id: report.importId,
    dry_run: report.dryRun,
    file: report.file,
    api: report.api,
    api_created: report.apiCreated,
    user_model: report.userModel,
    username_field: report.source.usernameField,
    through: report.source.through,
    other_addresses: report.source.otherAddresses,
    permissions: report.permissions,
    groups: report.groups,
    users: report.users,
    added: {
      group_permissions: added.groupPermissions,
      memberships: added.memberships,
      user_permissions: added.userPermissions,
    },
    conflicts: report.conflicts.map(wireEntry),
    skipped: report.skipped.map(wireEntry),
    unmapped: report.unmapped.map(wireEntry),
    unkept: report.unkept.map(wireEntry),
    renames: report.renames.map(({ record, name, newName }) => ({ record, name, new_name: newName })),
    merged: report.merged,
    passwords: {
      by_algorithm: passwords.byAlgorithm,
      unusable: passwords.unusable.map(wireEntry),
      slow: passwords.slow.map(wireEntry),
    },
    emails: {
      verified: emails.verified,
      unverified: emails.unverified,
      not_unique: emails.notUnique.map(wireEntry),
    },
    superusers: report.superusers,
    staff: report.staff,
    applied: report.applied,
    taken_away: report.takenAway,
    last_superusers: report.lastSuperusers.map(wireEntry),
    kept_here: report.keptHere,
    missing: report.missing.map(wireEntry),
    changed_in_dump: report.changedInDump,
    changed_in_signet: report.changedInSignet,
    address_like_names: report.addressLikeNames.map(wireEntry),
    respelled: report.respelled.map(wireEntry),
    attributes: report.attributes,
    unknown_models: report.unknownModels,
    dates_without_zone: report.datesWithoutZone,
  };
}
