import { type Changed, type Counts, type Entry, type ImportReport, isRefused } from '../../imports/django/index.ts';
import { hasUnprintable } from '../../platform/casefold.ts';
import { noteText } from '../messages/import-notes.ts';
import { pluralize } from './text.ts';

/** Lines of one list in the report for people; `--json` has all. */
const MAX_LINES = 20;

const LAST_SUPERUSERS = 'The last active superuser of Signet, whom an import cannot remove';

/** Characters of a name in the report for people. */
const MAX_NAME_LENGTH = 150;

/** The options of an import on which the advice depends. */
export interface ReportOptions {
  /** The file to which proposed names are written; absent if they are only counted. */
  readonly renamesFile?: string | undefined;
  readonly allowUnmapped?: boolean | undefined;
}

/** Returns the report for people: results, notes to review, and next steps. */
export function describeReport(report: ImportReport, options: ReportOptions = {}): string {
  const sections = [
    [heading(report), '', ...table(report)],
    list('Conflicts: nothing can be imported before these are resolved', report.conflicts.map(entryLine)),
    list(LAST_SUPERUSERS, report.lastSuperusers.map(entryLine)),
    list('Skipped', report.skipped.map(entryLine)),
    list('Users, groups and rights that cannot be imported', report.unmapped.map(entryLine)),
    list('Fields that cannot be imported', report.unkept.map(entryLine)),
    list(
      'Permissions with one name, which become one permission',
      report.merged.map((one) => `${one.name}  (${one.records.join(', ')}; models ${one.models.join(', ')})`),
    ),
    list('Without a usable password: these users must reset it', report.passwords.unusable.map(entryLine)),
    list(
      'With a password that takes longer to verify than a refusal is delayed: these users must reset it, or raise SIGNET_REFUSAL_MS',
      report.passwords.slow.map(entryLine),
    ),
    list('E-mail addresses that stay unverified', report.emails.notUnique.map(entryLine)),
    list('Usernames that look like e-mail addresses', report.addressLikeNames.map(entryLine)),
    list('Names that are stored in another spelling', report.respelled.map(entryLine)),
    list('Updated', report.applied.map(changedLine)),
    list('Removed, as in Django', report.takenAway.map(changedLine)),
    list(
      'Not updated; Signet keeps its value (it was changed in Signet too, the new one is not valid, or it needs --superusers global)',
      report.keptHere.map(changedLine),
    ),
    list('No longer in the dump', report.missing.map(entryLine)),
    list('Changed in Django since they were imported; nothing was overwritten', report.changedInDump.map(changedLine)),
    list('Changed in Signet since they were imported; nothing was undone', report.changedInSignet.map(changedLine)),
    rights(report),
    summary(report),
    nextSteps(report, options),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

/** Returns why an import was refused, with advice. */
export function describeRefusal(report: ImportReport, options: ReportOptions): string {
  const { conflicts, unmapped, lastSuperusers, file } = report;
  const fatal = options.allowUnmapped ? [] : unmapped;
  return [
    'Nothing was imported.',
    ...list(`Records of ${file} whose name or key another one has`, conflicts.map(entryLine)),
    ...list(LAST_SUPERUSERS, lastSuperusers.map(entryLine)),
    ...list(`Users, groups and rights of ${file} that cannot be imported`, fatal.map(entryLine)),
    ...advice(report, options),
  ].join('\n');
}

function advice(report: ImportReport, { renamesFile, allowUnmapped }: ReportOptions): string[] {
  const lines = [];
  const hasConflict = (code: string) => report.conflicts.some((one) => one.code === code);
  if (hasConflict('name_taken'))
    lines.push('To leave out the records whose name Signet has from elsewhere: add --existing skip.');
  const count = report.renames.length;
  const rows = `${pluralize(count, 'row')} with a proposed name${count === 1 ? '' : ' each'}`;
  if (count > 0)
    lines.push(
      renamesFile === undefined
        ? `To import records under other names: --renames renames.csv writes ${rows}. Check them, then run the same command again.`
        : `To import records under other names: ${rows} ${count === 1 ? 'was' : 'were'} written to ${renamesFile}. Check them, then run the same command again.`,
    );
  if (hasConflict('key_repeated'))
    lines.push('If two records have one key: remove one of them in Django, and create the dump again.');
  if (report.lastSuperusers.length > 0)
    lines.push('To keep a superuser in Signet, create another one before the import: npx signet createsuperuser');
  if (report.unmapped.length > 0 && !allowUnmapped)
    lines.push('To import the rest without what cannot be imported: add --allow-unmapped.');
  return lines;
}

function heading(report: ImportReport): string {
  const isUnchanged = report.importId === null;
  const target = `the ${report.apiCreated ? 'new ' : ''}API ${report.api}`;
  if (report.dryRun) return `Dry run: nothing was written. ${report.file} would be imported into ${target}:`;
  if (isUnchanged) return `Nothing to do: ${target} has everything in ${report.file} already.`;
  return `Imported ${report.file} into ${target}.`;
}

const COLUMNS = ['read', 'created', 'updated', 'merged', 'known', 'skipped', 'conflicts', 'unfit'] as const;
const HEADS: Record<(typeof COLUMNS)[number], string> = {
  read: 'in the dump',
  created: 'new',
  updated: 'updated',
  merged: 'merged',
  known: 'known already',
  skipped: 'skipped',
  conflicts: 'conflicts',
  unfit: 'not possible',
};

/** Returns the table of counts without empty columns. */
function table(report: ImportReport): string[] {
  const rows: [string, Counts][] = [
    ['permissions', report.permissions],
    ['groups', report.groups],
    ['users', report.users],
  ];
  const columns = COLUMNS.filter(
    (column) => column === 'read' || column === 'created' || rows.some(([, counts]) => counts[column] > 0),
  );
  const head = `${''.padEnd(13)}${columns.map((column) => HEADS[column].padStart(15)).join('')}`;
  return [
    head,
    ...rows.map(
      ([name, counts]) => `${name.padEnd(13)}${columns.map((column) => String(counts[column]).padStart(15)).join('')}`,
    ),
  ];
}

function list(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`${title} (${lines.length}):`, ...shorten(lines)];
}

function shorten(lines: readonly string[]): string[] {
  const more = lines.length - MAX_LINES;
  return [
    ...lines.slice(0, MAX_LINES).map((line) => `  ${line}`),
    ...(more > 0 ? [`  and ${more} more: --json lists all`] : []),
  ];
}

function entryLine(entry: Entry): string {
  const { record, name } = entry;
  return printable(`${record}${name === '' ? '' : ` "${shortened(name)}"`}: ${noteText(entry)}`);
}

/** Shortens a name, so that the text after it is not cut off. */
function shortened(name: string): string {
  return name.length <= MAX_NAME_LENGTH ? name : `${name.slice(0, MAX_NAME_LENGTH)}…`;
}

function changedLine({ record, name, fields }: Changed): string {
  const where = fields.length === 0 ? 'a field that is not compared, such as the password' : fields.join(', ');
  return printable(`${record} "${name}": ${where}`);
}

/** Escapes control characters, so that a name refused for them does not send them to a terminal. */
function printable(text: string): string {
  return text
    .replace(/\p{C}/gu, (one) =>
      hasUnprintable(one) ? `\\u${one.codePointAt(0)?.toString(16).padStart(4, '0')}` : one,
    )
    .slice(0, 300);
}

function rights(report: ImportReport): string[] {
  const where = report.superusers.of === 'global' ? 'of Signet and every API' : `of the API ${report.api} only`;
  const names = (all: readonly string[]) =>
    all.slice(0, MAX_LINES).map(printable).join(', ') +
    (all.length > MAX_LINES ? ` and ${all.length - MAX_LINES} more` : '');
  return [
    ...(report.superusers.names.length > 0 ? [`Superusers ${where}: ${names(report.superusers.names)}`] : []),
    ...(report.staff.names.length > 0 ? [`Staff ${where}: ${names(report.staff.names)}`] : []),
  ];
}

function summary(report: ImportReport): string[] {
  const { added, emails, source } = report;
  const counts = (record: Record<string, number>) =>
    Object.entries(record)
      .map(([name, count]) => `${printable(name)} ${count}`)
      .join(', ');
  const lines: [string, string][] = [
    ['Users log in', loginField(report)],
    ...source.through.map((one): [string, string] => [
      'Read from',
      `${one.model}: ${one.of} of users (${pluralize(one.records, 'record')}${one.ignored.length === 0 ? '' : `, without ${one.ignored.map(printable).join(', ')}`})`,
    ]),
    ['Addresses', source.otherAddresses === 0 ? '' : `${source.otherAddresses} more of django-allauth, not imported`],
    ['Memberships', String(added.memberships)],
    ['Permissions', `${added.groupPermissions} to groups, ${added.userPermissions} to users`],
    ['Passwords', counts(report.passwords.byAlgorithm)],
    [
      'E-mail',
      emails.verified + emails.unverified === 0 ? '' : `${emails.verified} verified, ${emails.unverified} unverified`,
    ],
    ['Attributes', counts(report.attributes)],
    ['Not imported', counts(report.unknownModels)],
    ['Dates', report.datesWithoutZone === 0 ? '' : `${report.datesWithoutZone} had no time zone and were read as UTC`],
  ];
  return lines.filter(([, text]) => text !== '').map(([name, text]) => `${name.padEnd(14)}${text}`);
}

/** Returns by which field users log in, if it is not Django's default. */
function loginField({ source: { usernameField }, attributes }: ImportReport): string {
  if (usernameField === 'username') return '';
  const other = 'username' in attributes ? '; their usernames are kept as an attribute' : '';
  return `by ${printable(usernameField)} (USERNAME_FIELD), which becomes their username${other}`;
}

function nextSteps(report: ImportReport, options: ReportOptions): string[] {
  const lines: string[] = [];
  if (isRefused(report, options)) lines.push(...advice(report, options));
  else if (report.dryRun) lines.push('Next: run the same command without --dry-run.');
  else if (report.importId !== null) {
    lines.push('Next: users log in with their passwords. A login hashes the password again with argon2id.');
    lines.push(`To see what was created: npx signet api show ${report.api}`);
    lines.push(`Every entry of this import in the edit log has its id: ${report.importId}`);
  }
  if (
    report.emails.unverified > 0 &&
    report.emails.verified === 0 &&
    report.emails.notUnique.length === 0 &&
    report.dryRun
  )
    lines.push('If Django has verified the e-mail addresses, add --trust-emails.');
  return lines;
}
