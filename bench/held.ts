import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Bound, isReached, type Spread } from './figures.ts';
import type { Report } from './report.ts';
import { type Target, targets } from './targets.ts';
import { root } from './workspace.ts';

/** A target, and what a kept run says of it. */
export interface Held extends Target {
  readonly measured?: Spread & { readonly at: string };
  readonly isReached?: boolean;
  /** Of one that is missed, or that nothing measures: `reasons.json`, written by hand. */
  readonly reason?: string;
}

type Reasons = Record<string, Record<string, Record<string, string>>>;

/** Every target of the design beside the newest report of its run. */
export function heldTargets(reports: ReadonlyMap<string, Report>, reasons: Reasons): Held[] {
  return targets.map((target): Held => {
    const { run, work, against, bound } = target;
    const report = reports.get(run);
    const found = report?.comparisons.find((one) => one.work === work && one.against === against);
    const reason = reasons[run]?.[work]?.[against];
    const said = reason === undefined ? {} : { reason };
    if (report === undefined || found === undefined) return { ...target, ...said };
    const { median, min, max } = found;
    const measured = { median, min, max, at: report.at };
    const reached = isReached(bound, median);
    return { ...target, measured, isReached: reached, ...(reached ? {} : said) };
  });
}

/** The newest kept report of each run, by the date in its name; `now` is newer than all of its kind. */
export function newestReports(now?: Report, folder = join(root, 'bench/results')): Map<string, Report> {
  const reports = new Map<string, Report>();
  for (const name of readdirSync(folder).sort()) {
    if (!name.endsWith('.json')) continue;
    const report: Report = JSON.parse(readFileSync(join(folder, name), 'utf8'));
    reports.set(report.what, report);
  }
  if (now) reports.set(now.what, now);
  return reports;
}

/** By run, work and what it is compared with: `{ "rows": { "introspect": { "Keycloak": "…" } } }`. */
export function readReasons(): Reasons {
  return JSON.parse(readFileSync(join(root, 'bench/reasons.json'), 'utf8'));
}

export function boundText(bound: Bound, shown: (value: number) => string): string {
  return 'atLeast' in bound ? `at least ${shown(bound.atLeast)}` : `at most ${shown(bound.atMost)}`;
}
