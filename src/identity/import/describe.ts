import type { Changed, Counts, Entry, ImportReport } from './report.ts';

/** Lines of one list that people are shown; `--json` has all. */
const SHOWN = 20;

/** The report for people: what happened, what to look at, what to do next. */
export function describeReport(report: ImportReport): string {
  const sections = [
    [heading(report), '', ...table(report)],
    list('Conflicts: nothing can be imported before these are resolved', report.conflicts.map(entryLine)),
    list('Skipped', report.skipped.map(entryLine)),
    list('Could not be mapped', report.unmapped.map(entryLine)),
    list(
      'Permissions of one name, now one permission',
      report.merged.map((one) => `${one.name}  (${one.records.join(', ')}; models ${one.models.join(', ')})`),
    ),
    list('Imported without a usable password', report.passwords.unusable.map(entryLine)),
    list('E-mail addresses that stay unverified', report.emails.notUnique.map(entryLine)),
    list('Usernames that look like e-mail addresses', report.addressLikeNames.map(entryLine)),
    list('Names in another spelling', report.respelled.map(entryLine)),
    list('Changed in Django since they were imported; nothing was overwritten', report.changedInDump.map(changedLine)),
    list('Changed in Signet since they were imported; nothing was undone', report.changedInSignet.map(changedLine)),
    rights(report),
    remarks(report),
    next(report),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

/** Why an import was refused, and the ways out. */
export function describeConflicts(report: ImportReport): string {
  const lines = [
    `Nothing was imported: ${counted(report.conflicts.length, 'record')} of ${report.file} met another of the same name.`,
  ];
  lines.push(...shorten(report.conflicts.map(entryLine)), ...waysOut(report));
  return lines.join('\n');
}

function waysOut(report: ImportReport): string[] {
  const isElsewhere = report.conflicts.some((one) => one.what.startsWith('Signet has'));
  const ways = [];
  if (isElsewhere)
    ways.push(
      'Where Signet has the name from elsewhere: --existing skip leaves those records out, --existing update adds their groups and permissions.',
    );
  if (report.conflicts.some((one) => !one.what.startsWith('Signet has')))
    ways.push('Where two records of the dump are one: rename or remove one of them in Django, and make the dump anew.');
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
  updated: 'added to',
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
  return printable(`${record}${name === '' ? '' : ` "${name}"`}: ${what}`);
}

function changedLine({ record, name, fields }: Changed): string {
  const where = fields.length === 0 ? 'in a field that is not compared, such as the password' : fields.join(', ');
  return printable(`${record} "${name}": ${where}`);
}

/** A name that was refused for its control characters must not reach a terminal with them. */
function printable(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
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
  const { added, emails } = report;
  const counts = (record: Record<string, number>) =>
    Object.entries(record)
      .map(([name, count]) => `${printable(name)} ${count}`)
      .join(', ');
  const lines: [string, string][] = [
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

function next(report: ImportReport): string[] {
  const lines: string[] = [];
  if (report.conflicts.length > 0) lines.push(...waysOut(report));
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
