import { createHash } from 'node:crypto';
import { audience } from './jws.ts';

interface Entry {
  index: number;
  name: string;
  label: string;
  removed?: true;
}
const hashEntries = (entries: readonly Entry[]) =>
  createHash('sha256')
    .update(entries.map((one) => `${one.index}\t${one.removed ? '' : one.name}\n`).join(''), 'utf8')
    .digest('base64url');
const entries = (names: readonly string[], removed: readonly number[] = []): Entry[] =>
  names.map((name, index) =>
    removed.includes(index)
      ? { index, name: '', label: `Can ${name}`, removed: true }
      : { index, name, label: `Can ${name}` },
  );
const names = [
  ...['add', 'change', 'delete', 'view'].flatMap((one) => [`polls.${one}_question`, `polls.${one}_choice`]),
  'polls.publish_poll',
  'survey.añadir',
];
const versionStates = [
  { version: 0, at: entries([]) },
  { version: 1, at: entries(names.slice(0, 8)) },
  { version: 2, at: entries(names) },
  // polls.change_choice, index 3, is removed, and added again with a new index.
  { version: 3, at: entries(names, [3]) },
  { version: 4, at: entries([...names, 'polls.change_choice'], [3]) },
];
export const versions = versionStates.map(({ version, at }) => ({ version, hash: hashEntries(at), length: at.length }));
export const catalogue = {
  audience,
  version: 4,
  hash: versions[4]?.hash as string,
  versions,
  permissions: versionStates[4]?.at as Entry[],
};
const invalid = (name: string, change: Record<string, unknown>) => ({
  name,
  document: JSON.stringify({ ...catalogue, ...change }),
  expect: { error: 'catalogue_malformed' },
});
export const catalogues = [
  { name: 'with a tombstone whose name was added again', document: JSON.stringify(catalogue), expect: { ok: true } },
  {
    name: 'empty',
    document: JSON.stringify({
      audience,
      version: 0,
      hash: hashEntries([]),
      versions: versions.slice(0, 1),
      permissions: [],
    }),
    expect: { ok: true },
  },
  invalid('of another audience', { audience: 'shop' }),
  invalid('a label is no part of the hash, a name is', {
    permissions: catalogue.permissions.map((one) => (one.index === 0 ? { ...one, name: 'polls.other' } : one)),
  }),
  invalid('a gap in the indexes', { permissions: catalogue.permissions.filter((one) => one.index !== 2) }),
  invalid('out of order', { permissions: catalogue.permissions.toReversed() }),
  invalid('a name twice', {
    permissions: catalogue.permissions.map((one) => (one.index === 1 ? { ...one, name: names[0] } : one)),
  }),
  invalid('a tombstone brought back', {
    permissions: catalogue.permissions.map((one) => (one.index === 3 ? { index: 3, name: names[3], label: '' } : one)),
  }),
  invalid('its version is not among its versions', { version: 9 }),
  invalid('a version twice', { versions: [...versions, versions[0]] }),
  invalid('a hash that is no SHA-256', { versions: versions.map((one) => ({ ...one, hash: 'AAAA' })) }),
  invalid('permissions that are no array', { permissions: {} }),
  {
    name: 'a member twice',
    document: `{"audience":"shop",${JSON.stringify(catalogue).slice(1)}`,
    expect: { error: 'catalogue_malformed' },
  },
  { name: 'no JSON', document: '<html>', expect: { error: 'catalogue_malformed' } },
  { name: 'null', document: 'null', expect: { error: 'catalogue_malformed' } },
];
