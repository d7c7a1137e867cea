import type { FoundUse, Scan } from '../../../kits/permission-lint/src/scan.ts';
import { listPermissionHistory } from '../../permissions/index.ts';
import { Failure } from '../../platform/errors.ts';
import { suggest } from '../../platform/text.ts';
import { optionTexts, type RunOnDatabase } from '../command.ts';
import { requireApi } from './options.ts';
import { pluralize, printable } from './text.ts';

/** Unknown names for which the nearest name is searched. */
const MAX_SUGGESTIONS = 200;

interface Finding {
  readonly file: string;
  readonly line: number;
  readonly kind: 'unknown' | 'note';
  readonly name: string | null;
  readonly text: string;
}

export const apiCheck: RunOnDatabase = async (context, input) => {
  if (!input.file) throw new Failure('usage', 'The folder is missing.');
  const scan = JSON.parse(input.file.text) as Scan;
  const em = context.db.fork();
  const api = await requireApi(context, em, input.positionals[0] as string);
  const ignored = new Set(optionTexts(input, 'ignore-app'));
  const check = createUseCheck(api.audience, await listPermissionHistory(em, api.id));
  const reported = scan.uses.filter((one) => !ignored.has(readApp(one))).flatMap(check);
  const skipped = scan.skipped.map(
    (file): Finding => ({ file, line: 1, kind: 'note', name: null, text: 'too large, not read' }),
  );
  const findings = [...reported, ...skipped];
  const unknown = findings.filter((one) => one.kind === 'unknown').length;
  const lines = findings.map((one) => `${one.file}:${one.line}: ${one.kind === 'note' ? 'note: ' : ''}${one.text}`);
  const checked = scan.uses.filter((one) => one.permission !== null || one.app !== null).length;
  const summary = `${pluralize(scan.files, 'file')}, ${checked} checked against ${api.audience} (catalogue version ${api.catalogueVersion}): ${unknown} unknown, ${pluralize(findings.length - unknown, 'note')}.`;
  return {
    data: { audience: api.audience, version: api.catalogueVersion, files: scan.files, checked, unknown, findings },
    text: [...lines.map(printable), summary].join('\n'),
    isFailure: unknown > 0,
  };
};

function readApp({ permission, app }: FoundUse): string {
  return app ?? permission?.split('.')[0] ?? '';
}

/** Returns a function that reports a use of an unknown permission; nothing for an existing one. */
function createUseCheck(
  audience: string,
  history: readonly { readonly name: string; readonly removedVersion?: number | null | undefined }[],
): (use: FoundUse) => Finding[] {
  const live = new Set(history.filter((one) => typeof one.removedVersion !== 'number').map((one) => one.name));
  const removed = new Map(history.map((one) => [one.name, one.removedVersion]));
  const apps = new Set([...live].map((name) => name.slice(0, name.indexOf('.'))));
  let suggestions = 0;
  const suggestion = (name: string, candidates: Iterable<string>) => {
    // Each search compares with every name, and a few suggestions are enough to see the cause.
    suggestions += 1;
    const near = suggestions > MAX_SUGGESTIONS ? undefined : suggest(name, [...candidates]);
    return near === undefined ? '' : ` Did you mean ${near}?`;
  };
  return ({ file, line, by, permission, app }) => {
    const unknown = (name: string, text: string): Finding[] => [{ file, line, kind: 'unknown', name, text }];
    if (app !== null)
      return apps.has(app) ? [] : unknown(app, `${audience} has no app "${app}" (${by}).${suggestion(app, apps)}`);
    if (permission === null)
      return [{ file, line, kind: 'note', name: null, text: `${by} is asked for what only the program knows` }];
    if (live.has(permission)) return [];
    const version = removed.get(permission);
    if (typeof version === 'number')
      return unknown(permission, `"${permission}" (${by}) was removed from ${audience} with version ${version}.`);
    return unknown(permission, `${audience} has no permission "${permission}" (${by}).${suggestion(permission, live)}`);
  };
}
