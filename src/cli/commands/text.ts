import { table } from '../command.ts';

/** Escapes control characters: text from outside, such as a user agent, must not control the terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from(
      { length: character.length },
      (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}

/** Formats rows under a header. */
export function rows(header: readonly string[], all: readonly (readonly string[])[]): string {
  return table(
    header,
    all.map((row) => row.map(printable)),
  );
}

/** Formats names and values, one per line, values aligned; multiple lines stay in their column. */
export function fields(all: readonly (readonly [string, string | readonly string[]])[]): string {
  const width = Math.max(...all.map(([name]) => name.length)) + 2;
  return all
    .map(([name, value]) => {
      const lines = (typeof value === 'string' ? [value] : value).map(printable);
      return name.padEnd(width) + (lines.length === 0 ? '(none)' : lines.join(`\n${' '.repeat(width)}`));
    })
    .join('\n');
}

export function yesNo(value: boolean): string {
  return value ? 'yes' : 'no';
}

export function when(instant: Date | null | undefined): string {
  return instant ? `${instant.toISOString().slice(0, 19).replace('T', ' ')} UTC` : 'never';
}

/** For `--json`: RFC 3339. */
export function instant(value: Date | null | undefined): string | null {
  return value?.toISOString() ?? null;
}

export function pluralize(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Says which migrations the database lacks, with the remedy. */
export function lackedMigrations(pending: readonly string[]): string {
  return `The database lacks ${pending.length} migration(s): ${pending.join(', ')}. Run: npx signet migrate`;
}

/** Joins names in one line, cut after the first few. */
export function names(all: readonly string[], limit = 20): string {
  const rest = all.length - limit;
  return all.slice(0, limit).join(', ') + (rest > 0 ? ` and ${rest} more (--json lists all)` : '');
}

/** Formats a duration in its two largest units. */
export function duration(seconds: number): string {
  const whole = Math.floor(Math.abs(seconds));
  const parts = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'min'],
    [whole % 60, 's'],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return '0 s';
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}
