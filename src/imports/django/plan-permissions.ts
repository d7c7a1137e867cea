import { BATCH, type Steps } from './batches.ts';
import { digestPermission } from './digest.ts';
import { note } from './notes.ts';
import { changedEntry, findPrevious, groupByName, type PlanState, reportEntry } from './plan-state.ts';
import type { PreviousImport } from './previous-imports.ts';
import type { DjangoPermission } from './reader/records.ts';

/** Plans exactly the dump's permissions, byte for byte. Django's default permissions are not added, and stale ones are kept. */
export function* planPermissions(state: PlanState): Steps<void> {
  const { existing, dump, available } = state;
  for (const [name, { isLive }] of existing.permissions) if (isLive) available.add(name);
  let done = 0;
  for (const [name, records] of groupByName(dump.permissions.records, (one) => one.name)) {
    planOneName(state, name, records);
    done += records.length;
    if (done % BATCH === 0) yield done;
  }
}

/** Plans the records with one name, which become one permission: Django is unique by content type and codename, has_perm by app and codename. */
function planOneName(state: PlanState, name: string, records: readonly DjangoPermission[]): void {
  const { existing, report, available } = state;
  const local = existing.permissions.get(name);
  const namesake = local && existing.previousById.permission.get(local.id);
  const previousImports = records.map((one) => findPrevious(one, existing.previousByKey.permission, namesake));
  const first = records[0] as DjangoPermission;
  if (records.length > 1)
    report.merged.push({
      name,
      records: records.map((one) => one.record),
      models: [...new Set(records.map((one) => one.model))],
    });
  // A permission that an earlier run registered and that was removed in Signet is not registered again.
  const wasRemoved = !local?.isLive && previousImports.some((one) => one !== undefined);
  const label = previousImports[0] && local ? local.label : first.label;
  for (const [index, one] of records.entries()) {
    const previous = previousImports[index];
    if (previous) {
      const isRelabelled =
        index === 0 && !wasRemoved && state.options.existing === 'update' && relabel(state, one, previous);
      report.permissions[isRelabelled ? 'updated' : 'known']++;
      if (!isRelabelled && (index === 0 || wasRemoved)) reportDifference(state, one, previous);
    } else if (wasRemoved) {
      report.permissions.unfit++;
      report.unmapped.push(reportEntry(one, name, note('permission_removed', { permission: name })));
    } else {
      report.permissions[index > 0 ? 'merged' : local?.isLive ? 'updated' : 'created']++;
      available.add(name);
      state.names.add(name);
      state.specs.push({ app: one.app, codename: one.codename, label, model: one.model });
      state.rows.push(plannedRow(state, one, label));
    }
  }
}

/** Applies a label that changed in the source and not in Signet. Returns whether it did. */
function relabel(state: PlanState, one: DjangoPermission, previous: PreviousImport): boolean {
  const { report, existing, specs, rows } = state;
  const local = existing.permissions.get(one.name);
  const last = (previous.imported as { label?: string } | null)?.label;
  if (!local?.isLive || last === undefined || one.label === last || local.label !== last) return false;
  report.applied.push(changedEntry(one, one.name, ['label']));
  specs.push({ app: one.app, codename: one.codename, label: one.label, model: one.model });
  const row = { key: previous.key, digest: digestPermission(one), imported: { label: one.label } };
  rows.push({ kind: 'old-permission', row });
  return true;
}

function reportDifference(state: PlanState, one: DjangoPermission, previous: PreviousImport): void {
  const { report, existing } = state;
  const local = existing.permissions.get(one.name);
  if (!local?.isLive) report.changedInSignet.push(changedEntry(one, one.name, ['deleted']));
  else if (previous.digest !== digestPermission(one))
    report.changedInDump.push(changedEntry(one, one.name, local.label === one.label ? [] : ['label']));
  else if (local.label !== one.label) report.changedInSignet.push(changedEntry(one, one.name, ['label']));
}

function plannedRow(state: PlanState, one: DjangoPermission, label: string): PlanState['rows'][number] {
  const { name, model, key } = one;
  const after = { import: state.report.importId, source: state.report.api, name, label, model };
  return {
    kind: 'permission',
    row: { key, digest: digestPermission(one), imported: { label: one.label }, label: name, name, after },
  };
}
