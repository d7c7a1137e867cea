import { type FoundUse, type Scan, ScanError, scanFolder } from '../../../kits/permission-lint/src/scan.ts';
import { listPermissionHistory } from '../../permissions/index.ts';
import { Failure } from '../../platform/errors.ts';
import { suggest } from '../../platform/text.ts';
import { systemClock } from '../../platform/time.ts';
import { type DatabaseCommand, optionTexts } from '../command.ts';
import { requireApi } from './options.ts';
import { pluralize, printable } from './text.ts';

const PROGRESS_DELAY_MS = 2000;
const PROGRESS_INTERVAL_MS = 500;

/** Unknown names for which the nearest name is searched. */
const MAX_SUGGESTIONS = 200;

interface Finding {
  readonly file: string;
  readonly line: number;
  readonly kind: 'unknown' | 'note';
  readonly name: string | null;
  readonly text: string;
}

export const apiCheck: DatabaseCommand = {
  kind: 'database',
  name: 'api check',
  summary: "Find permissions in a service's sources that the API does not have; exit code 1 if there are",
  usage: 'AUDIENCE DIR [--ignore-app APP]…   (reads .ts .js .py .go .java and .html)',
  options: { 'ignore-app': { type: 'string', multiple: true } },
  args: { min: 2, max: 2 },
  // The folder is on the caller's side, the catalogue perhaps in a server, which gets the findings, not the sources.
  async readLocal(input, progress) {
    const folder = input.positionals[1] as string;
    let nextProgress = systemClock.now().getTime() + PROGRESS_DELAY_MS;
    const onFile = (files: number) => {
      const now = systemClock.now().getTime();
      if (now < nextProgress) return;
      nextProgress = now + PROGRESS_INTERVAL_MS;
      progress(`check: ${files} files read`);
    };
    const scan = await scanFolder(folder, onFile).catch((error) => {
      if (!(error instanceof ScanError)) throw error;
      throw new Failure(error.code === 'ENOENT' ? 'notFound' : 'failed', error.message);
    });
    return { ...input, file: { name: folder, text: JSON.stringify(scan) } };
  },
  async run(context, input) {
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
  },
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
