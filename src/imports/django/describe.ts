import { hasUnprintable } from '../../platform/casefold.ts';
import type { ImportInput } from './import-django.ts';
import { type Changed, type Counts, type Entry, type ImportReport, isRefused } from './report.ts';

/** Lines of one list that people are shown; `--json` has all. */
const SHOWN = 20;

const LAST_SUPERUSERS = 'The last active superuser of Signet: an import never takes them';

/** Characters of a name that they are shown. */
const LONGEST_NAME = 150;

/** The report for people: what happened, what to look at, what to do next. */
export function describeReport(report: ImportReport, asked: Asked = {}): string {
  const sections = [
    [heading(report), '', ...table(report)],
    list('Conflicts: nothing can be imported before these are resolved', report.conflicts.map(entryLine)),
    list(LAST_SUPERUSERS, report.lastSuperusers.map(entryLine)),
    list('Skipped', report.skipped.map(entryLine)),
    list('People, groups and rights that have no place here', report.unmapped.map(entryLine)),
    list('Fields that could not be kept', report.unkept.map(entryLine)),
    list(
      'Permissions of one name, now one permission',
      report.merged.map((one) => `${one.name}  (${one.records.join(', ')}; models ${one.models.join(', ')})`),
    ),
    list('Without a usable password: these users must reset it', report.passwords.unusable.map(entryLine)),
    list(
      'With a password that takes longer to verify than a refusal is delayed: these users must reset it, or raise SIGNET_REFUSAL_MS',
      report.passwords.slow.map(entryLine),
    ),
    list('E-mail addresses that stay unverified', report.emails.notUnique.map(entryLine)),
    list('Usernames that look like e-mail addresses', report.addressLikeNames.map(entryLine)),
    list('Names in another spelling', report.respelled.map(entryLine)),
    list('Brought up to date', report.applied.map(changedLine)),
    list('Taken away, as in Django', report.takenAway.map(changedLine)),
    list(
      'Not brought; what Signet has stays (it was changed here too, has no place here, or takes --superusers global)',
      report.keptHere.map(changedLine),
    ),
    list('No longer in the dump', report.missing.map(entryLine)),
    list('Changed in Django since they were imported; nothing was overwritten', report.changedInDump.map(changedLine)),
    list('Changed in Signet since they were imported; nothing was undone', report.changedInSignet.map(changedLine)),
    rights(report),
    remarks(report),
    next(report, asked),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

/** What was asked for, as far as the ways out depend on it. */
export type Asked = Pick<ImportInput, 'renamesFile' | 'allowUnmapped'>;

/** Why an import was refused, and the ways out. */
export function describeRefusal(report: ImportReport, asked: Asked): string {
  const { conflicts, unmapped, lastSuperusers, file } = report;
  const lost = asked.allowUnmapped ? [] : unmapped;
  return [
    'Nothing was imported.',
    ...list(`Records of ${file} that met another of the same name`, conflicts.map(entryLine)),
    ...list(LAST_SUPERUSERS, lastSuperusers.map(entryLine)),
    ...list(`People, groups or rights of ${file} that have no place here`, lost.map(entryLine)),
    ...waysOut(report, asked),
  ].join('\n');
}

function waysOut(report: ImportReport, { renamesFile, allowUnmapped }: Asked): string[] {
  const ways = [];
  if (report.conflicts.some((one) => one.what.startsWith('Signet has')))
    ways.push('Where Signet has the name from elsewhere: --existing skip leaves those records out.');
  const rows = counted(report.renames.length, 'row');
  if (report.renames.length > 0)
    ways.push(
      renamesFile === undefined
        ? `Where another name would do: --renames renames.csv writes ${rows} with a proposal each. Look them over, then run the same command again.`
        : `Where another name would do: ${rows} with a proposal each ${report.renames.length === 1 ? 'was' : 'were'} written to ${renamesFile}. Look them over, then run the same command again.`,
    );
  if (report.conflicts.some((one) => one.what.startsWith('another record')))
    ways.push('Where two records have one key: remove one of them in Django, and make the dump again.');
  if (report.lastSuperusers.length > 0)
    ways.push('Where Signet would lose its last active superuser: make another one first: npx signet createsuperuser');
  if (report.unmapped.length > 0 && !allowUnmapped)
    ways.push('Where nobody will miss them: --allow-unmapped imports the rest.');
  return ways;
}

function heading(report: ImportReport): string {
  const isNothing = report.importId === null;
  const made = report.apiCreated ? ', which is new' : '';
  if (report.dryRun) return `Dry run: nothing was written. ${report.file} into the API ${report.api}${made}:`;
  if (isNothing) return `Nothing to do: all that ${report.file} brings is in the API ${report.api} already.`;
  return `Imported ${report.file} into the API ${report.api}${made}.`;
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
  unfit: 'unfit',
};

/** Columns that hold nothing are left out. */
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
  const more = lines.length - SHOWN;
  return [
    ...lines.slice(0, SHOWN).map((line) => `  ${line}`),
    ...(more > 0 ? [`  and ${more} more: --json lists all`] : []),
  ];
}

function entryLine({ record, name, what }: Entry): string {
  return printable(`${record}${name === '' ? '' : ` "${shortened(name)}"`}: ${what}`);
}

/** What is said of a name must not be cut off by it. */
function shortened(name: string): string {
  return name.length <= LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME)}…`;
}

function changedLine({ record, name, fields }: Changed): string {
  const where = fields.length === 0 ? 'in a field that is not compared, such as the password' : fields.join(', ');
  return printable(`${record} "${name}": ${where}`);
}

/** A name that was refused for its control characters must not reach a terminal with them. */
function printable(text: string): string {
  return text
    .replace(/\p{C}/gu, (one) =>
      hasUnprintable(one) ? `\\u${one.codePointAt(0)?.toString(16).padStart(4, '0')}` : one,
    )
    .slice(0, 300);
}

function rights(report: ImportReport): string[] {
  const where =
    report.superusers.of === 'global' ? 'of everything, Signet itself included' : `of the API ${report.api} only`;
  const names = (all: readonly string[]) =>
    all.slice(0, SHOWN).map(printable).join(', ') + (all.length > SHOWN ? ` and ${all.length - SHOWN} more` : '');
  return [
    ...(report.superusers.names.length > 0 ? [`Superusers ${where}: ${names(report.superusers.names)}`] : []),
    ...(report.staff.names.length > 0 ? [`Staff ${where}: ${names(report.staff.names)}`] : []),
  ];
}

function remarks(report: ImportReport): string[] {
  const { added, emails, source } = report;
  const counts = (record: Record<string, number>) =>
    Object.entries(record)
      .map(([name, count]) => `${printable(name)} ${count}`)
      .join(', ');
  const lines: [string, string][] = [
    ['Users log in', users(report)],
    ...source.through.map((one): [string, string] => [
      'Read from',
      `${one.model}: ${one.of} of users (${counted(one.records, 'record')}${one.ignored.length === 0 ? '' : `; not its ${one.ignored.map(printable).join(', ')}`})`,
    ]),
    [
      'Addresses',
      source.otherAddresses === 0 ? '' : `${source.otherAddresses} further ones of allauth were not imported`,
    ],
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

/** How they log in, where it is not by Django's own rule. */
function users({ source: { usernameField }, attributes }: ImportReport): string {
  if (usernameField === 'username') return '';
  const other = 'username' in attributes ? '; their usernames are kept as an attribute' : '';
  return `by ${printable(usernameField)}, which is their username here (USERNAME_FIELD)${other}`;
}

function next(report: ImportReport, asked: Asked): string[] {
  const lines: string[] = [];
  if (isRefused(report, asked)) lines.push(...waysOut(report, asked));
  else if (report.dryRun) lines.push('Next: run the same command without --dry-run.');
  else if (report.importId !== null) {
    lines.push('Next: users log in with the passwords that they have; a right one is hashed anew with argon2id.');
    lines.push(`See what was made: npx signet api show ${report.api}`);
    lines.push(`Import ${report.importId}: so the audit log names it in every entry.`);
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

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
