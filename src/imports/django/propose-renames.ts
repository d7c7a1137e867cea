import type { SqlEntityManager } from '@mikro-orm/sql';
import { groupNameProblem, groupView } from '../../permissions/index.ts';
import { casefoldName } from '../../platform/casefold.ts';
import { importedNameProblem, userView } from '../../users/index.ts';
import { idsByKey } from './existing-rows.ts';
import type { DjangoDump, RenameCandidate } from './reader/records.ts';
import type { Rename } from './renames.ts';

/** Numbered names that are tried for one record. */
const TRIES = 20;

const NAMES = {
  user: { view: userView, column: 'username_key', problem: importedNameProblem },
  group: { view: groupView, column: 'name_key', problem: groupNameProblem },
} as const;

/** Proposes a name for each record that needs another one, free in Signet and in the dump. An operator reviews the proposals. */
export async function proposeRenames(
  em: SqlEntityManager,
  renameCandidates: readonly RenameCandidate[],
  dump: DjangoDump,
): Promise<Rename[]> {
  const proposals: Rename[] = [];
  for (const kind of ['user', 'group'] as const) {
    const some = renameCandidates.filter((one) => one.kind === kind).map((one) => ({ ...one, tries: candidates(one) }));
    if (some.length === 0) continue;
    const { view, column } = NAMES[kind];
    const all = some.flatMap((one) => one.tries.map(casefoldName));
    const taken = new Set((await idsByKey(em, view, column, [...new Set(all)])).keys());
    for (const one of kind === 'user' ? dump.users.records : dump.groups.records)
      taken.add(casefoldName('username' in one ? one.username : one.name));
    for (const { record, name, tries } of some) {
      const newName = tries.find((one) => !taken.has(casefoldName(one)));
      if (newName === undefined) continue;
      taken.add(casefoldName(newName));
      proposals.push({ record, name, newName });
    }
  }
  return proposals;
}

/** Returns the name without invalid characters, then with a number, and then with a prefix in case its beginning is invalid. */
function candidates({ kind, record, name }: RenameCandidate): string[] {
  const visible = [...name.slice(0, 1000).normalize('NFKC')]
    .filter((one) => !/[\p{C}\p{Zl}\p{Zp}]/u.test(one))
    .join('');
  const key = record.slice(record.indexOf(' ') + 1).replace(/[^\p{L}\p{N}_-]/gu, '');
  const base = [...visible].slice(0, 120).join('').trim() || `${kind}-${key.slice(0, 100)}`;
  const numbered = Array.from({ length: TRIES }, (_, index) => `${base}-${index + 2}`);
  const tries = [base, ...numbered, `${kind}-${base}`, ...numbered.map((one) => `${kind}-${one}`)];
  return tries.filter((one) => NAMES[kind].problem(one) === undefined);
}
