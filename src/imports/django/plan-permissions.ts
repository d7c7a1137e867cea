import { BATCH, type Steps } from './batches.ts';
import { digestPermission } from './digest.ts';
import type { Known } from './known.ts';
import { changedEntry, groupByName, knownAs, type Planning, reportEntry } from './planning.ts';
import type { DjangoPermission } from './reader/records.ts';

/** Exactly the dump's permissions, byte for byte; Django's four are never invented, stale ones are kept. */
export function* planPermissions(planning: Planning): Steps<void> {
  const { present, dump, available } = planning;
  for (const [name, { isLive }] of present.permissions) if (isLive) available.add(name);
  let done = 0;
  for (const [name, records] of groupByName(dump.permissions.records, (one) => one.name)) {
    planOneName(planning, name, records);
    done += records.length;
    if (done % BATCH === 0) yield done;
  }
}

/** Django is unique by content type and codename, has_perm by app and codename: records of one name become one permission. */
function planOneName(planning: Planning, name: string, records: readonly DjangoPermission[]): void {
  const { present, report, available } = planning;
  const here = present.permissions.get(name);
  const ours = here && present.ours.permission.get(here.id);
  const known = records.map((one) => knownAs(one, present.known.permission, ours));
  const first = records[0] as DjangoPermission;
  if (records.length > 1)
    report.merged.push({
      name,
      records: records.map((one) => one.record),
      models: [...new Set(records.map((one) => one.model))],
    });
  // An earlier run registered it and somebody removed it since: that is not undone.
  const wasRemoved = !here?.isLive && known.some((one) => one !== undefined);
  const label = known[0] && here ? here.label : first.label;
  for (const [index, one] of records.entries()) {
    const before = known[index];
    if (before) {
      const isRelabelled =
        index === 0 && !wasRemoved && planning.options.existing === 'update' && relabel(planning, one, before);
      report.permissions[isRelabelled ? 'updated' : 'known']++;
      if (!isRelabelled && (index === 0 || wasRemoved)) compare(planning, one, before);
    } else if (wasRemoved) {
      report.permissions.unfit++;
      report.unmapped.push(reportEntry(one, name, 'the permission was removed in Signet'));
    } else {
      report.permissions[index > 0 ? 'merged' : here?.isLive ? 'updated' : 'created']++;
      available.add(name);
      planning.names.add(name);
      planning.specs.push({ app: one.app, codename: one.codename, label, model: one.model });
      planning.rows.push(staged(planning, one, label));
    }
  }
}

/** A label that changed in the source, and not here, is brought. What an earlier version imported is compared by its label of then. */
function relabel(planning: Planning, one: DjangoPermission, before: Known): boolean {
  const { report, present, specs, rows } = planning;
  const here = present.permissions.get(one.name);
  const last = (before.imported as { label?: string } | null)?.label;
  if (!here?.isLive || last === undefined || one.label === last || here.label !== last) return false;
  report.applied.push(changedEntry(one, one.name, ['label']));
  specs.push({ app: one.app, codename: one.codename, label: one.label, model: one.model });
  const row = { key: before.key, digest: digestPermission(one), imported: { label: one.label } };
  rows.push({ kind: 'old-permission', row });
  return true;
}

function compare(planning: Planning, one: DjangoPermission, before: Known): void {
  const { report, present } = planning;
  const here = present.permissions.get(one.name);
  if (!here?.isLive) report.changedInSignet.push(changedEntry(one, one.name, ['deleted']));
  else if (before.digest !== digestPermission(one))
    report.changedInDump.push(changedEntry(one, one.name, here.label === one.label ? [] : ['label']));
  else if (here.label !== one.label) report.changedInSignet.push(changedEntry(one, one.name, ['label']));
}

function staged(planning: Planning, one: DjangoPermission, label: string): Planning['rows'][number] {
  const { name, model, key } = one;
  const after = { import: planning.report.importId, source: planning.report.api, name, label, model };
  return {
    kind: 'permission',
    row: { key, digest: digestPermission(one), imported: { label: one.label }, label: name, name, after },
  };
}
