import { describeReport, type ImportReport, importDjango, type Progress } from '../../identity/import/index.ts';
import { Failure } from '../../platform/failure.ts';
import { type Context, type DatabaseCommand, isSet, optionText } from '../command.ts';
import { oneOf, required } from './options.ts';

export const importDjangoCommand: DatabaseCommand = {
  kind: 'database',
  name: 'import django',
  summary: 'Import users, groups and permissions from manage.py dumpdata; all or nothing',
  usage:
    'FILE --api AUDIENCE [--dry-run] [--existing fail|skip|update] [--superusers api|global] [--trust-emails] [--user-model APP.MODEL]',
  options: {
    api: { type: 'string' },
    'dry-run': { type: 'boolean' },
    existing: { type: 'string' },
    superusers: { type: 'string' },
    'trust-emails': { type: 'boolean' },
    'user-model': { type: 'string' },
  },
  words: { min: 1, max: 1 },
  fileAt: 0,
  async run(context, input) {
    const { file } = input;
    if (!file) throw new Failure('usage', 'The file is missing.');
    const wanted = {
      text: file.text,
      file: file.name,
      audience: required(input, 'api', `npx signet ${importDjangoCommand.name} ${importDjangoCommand.usage}`),
      dryRun: isSet(input, 'dry-run'),
      existing: oneOf(input, 'existing', ['fail', 'skip', 'update']) ?? 'fail',
      superusers: oneOf(input, 'superusers', ['api', 'global']) ?? 'api',
      trustEmails: isSet(input, 'trust-emails'),
      userModel: optionText(input, 'user-model'),
    } as const;
    try {
      const report = await importDjango(context.db, context.stamp(), wanted, teller(context));
      // Only a dry run answers with conflicts: it ends as the real run would.
      const isFailure = report.conflicts.length > 0;
      return { data: wireReport(report), text: describeReport(report), isFailure, failureKind: 'conflict' };
    } catch (error) {
      const report = error instanceof Failure ? (error.details?.['report'] as ImportReport | undefined) : undefined;
      if (!report) throw error;
      throw new Failure((error as Failure).kind, (error as Failure).message, { report: wireReport(report) });
    }
  },
};

const steps: Record<Progress['step'], string> = {
  read: 'reading',
  compare: 'comparing with what is here',
  plan: 'planning',
  stage: 'putting aside',
  write: 'writing',
};

const QUIET_MILLISECONDS = 2000;
const BETWEEN_MILLISECONDS = 500;

/** Tells how far it is, twice a second at the most, and only of an import that takes longer than two seconds. */
function teller({ clock, progress }: Context): (at: Progress) => void {
  let last = clock.now().getTime() + QUIET_MILLISECONDS - BETWEEN_MILLISECONDS;
  return ({ step, done, total }) => {
    const now = clock.now().getTime();
    if (now - last < BETWEEN_MILLISECONDS) return;
    last = now;
    progress(`import: ${steps[step]}${total > 0 ? ` ${done} of ${total}` : ''}`);
  };
}

/** The report in snake_case. Written out, because its records have names of the dump for keys, which stay as they are. */
function wireReport(report: ImportReport) {
  const { passwords, emails, added } = report;
  return {
    import_id: report.importId,
    dry_run: report.dryRun,
    file: report.file,
    api: report.api,
    api_created: report.apiCreated,
    user_model: report.userModel,
    permissions: report.permissions,
    groups: report.groups,
    users: report.users,
    added: {
      group_permissions: added.groupPermissions,
      memberships: added.memberships,
      user_permissions: added.userPermissions,
    },
    conflicts: report.conflicts,
    skipped: report.skipped,
    unmapped: report.unmapped,
    merged: report.merged,
    passwords: { by_algorithm: passwords.byAlgorithm, unusable: passwords.unusable },
    emails: { verified: emails.verified, unverified: emails.unverified, not_unique: emails.notUnique },
    superusers: report.superusers,
    staff: report.staff,
    changed_in_dump: report.changedInDump,
    changed_in_signet: report.changedInSignet,
    address_like_names: report.addressLikeNames,
    respelled: report.respelled,
    attributes: report.attributes,
    unknown_models: report.unknownModels,
    dates_without_zone: report.datesWithoutZone,
  };
}
