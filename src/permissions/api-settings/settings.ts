/**
 * A setting: its kind, its default, and `wire`, its name in `--json` and in the file of `api sync`. `section`: where it is in that file, at the
 * top or under `token`; null if a file cannot set it. A switch may have other names for its values than on and off.
 */
type Setting =
  | ({ readonly kind: 'text' } & Place)
  | ({ readonly kind: 'choice'; readonly choices: readonly string[]; readonly default: string } & Place)
  | ({ readonly kind: 'switch'; readonly names: readonly [on: string, off: string]; readonly default: boolean } & Place)
  | ({ readonly kind: 'range'; readonly from: number; readonly to: number; readonly default: number } & Place);

interface Place {
  readonly wire: string;
  readonly section: 'top' | 'token' | null;
}

const onOff = (standard: boolean, wire: string) =>
  ({ kind: 'switch', names: ['on', 'off'], default: standard, wire, section: 'token' }) as const;

/** The settings of an API: a line each. What is stored, checked, read from files and flags, and shown follows from it. */
export const apiSettingTable = {
  /** Of the API, for people; the audience if none is given. */
  name: { kind: 'text', wire: 'name', section: 'top' },
  /** Of its tokens' header. */
  typ: { kind: 'choice', choices: ['at+jwt', 'JWT'], default: 'at+jwt', wire: 'typ', section: 'token' },
  alg: { kind: 'choice', choices: ['RS256', 'ES256', 'EdDSA'], default: 'RS256', wire: 'alg', section: 'token' },
  /** The form of permissions in its tokens. */
  format: {
    kind: 'choice',
    choices: ['list', 'bitmap', 'scope', 'none'],
    default: 'list',
    wire: 'format',
    section: 'token',
  },
  /** JWTs that verifiers read themselves, or sealed tokens that only introspection reads. */
  tokenKind: { kind: 'choice', choices: ['jwt', 'opaque'], default: 'jwt', wire: 'token', section: null },
  /** In seconds. */
  ttlSeconds: { kind: 'range', from: 60, to: 900, default: 600, wire: 'ttl_seconds', section: 'token' },
  /** The most bytes of a token. */
  budgetBytes: { kind: 'range', from: 1024, to: 8192, default: 4096, wire: 'budget_bytes', section: 'token' },
  /** The fallback for a list that exceeds the budget. */
  overBudget: { kind: 'choice', choices: ['bitmap', 'fail'], default: 'bitmap', wire: 'over_budget', section: 'token' },
  withUsername: onOff(true, 'username'),
  /** The primary key that an import brought. */
  withSourceId: onOff(false, 'source_id'),
  /** Whether tokens get a status when permissions were added since; off for verifiers that accept status 0 only. */
  withSuperseded: onOff(true, 'superseded'),
  /** Off: only authenticated callers may read the catalogue. */
  isCataloguePublic: {
    kind: 'switch',
    names: ['public', 'authenticated'],
    default: true,
    wire: 'catalogue',
    section: 'top',
  },
} as const satisfies Readonly<Record<string, Setting>>;

type Table = typeof apiSettingTable;
export type ApiSettingName = keyof Table;
/** A setting with bounds. */
export type RangeSetting = {
  [Name in ApiSettingName]: Table[Name]['kind'] extends 'range' ? Name : never;
}[ApiSettingName];

type Value<One extends Setting> = One extends { kind: 'choice' }
  ? One['choices'][number]
  : One extends { kind: 'switch' }
    ? boolean
    : One extends { kind: 'range' }
      ? number
      : string;

export type ApiSettings = { -readonly [Name in ApiSettingName]?: Value<Table[Name]> };

export const apiSettingNames = Object.keys(apiSettingTable) as ApiSettingName[];

export const rangeSettings = apiSettingNames.filter((name) => apiSettingTable[name].kind === 'range') as RangeSetting[];

/** Whether a value is a whole number within the bounds. */
export function isWithin({ from, to }: { readonly from: number; readonly to: number }, value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= from && value <= to;
}

/** Returns the value under its name outside: a switch may have names for its values. */
export function toName(name: ApiSettingName, value: string | number | boolean): string | number | boolean {
  const one: Setting = apiSettingTable[name];
  return one.kind === 'switch' && one.names[0] !== 'on' ? one.names[value === true ? 0 : 1] : value;
}
