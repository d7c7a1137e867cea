import { type FoundUse, type Scan, ScanError, scanFolder } from '../../../kits/permission-lint/src/scan.ts';
import { listPermissionHistory } from '../../permissions/index.ts';
import { Failure } from '../../platform/errors.ts';
import { suggest } from '../../platform/text.ts';
import { systemClock } from '../../platform/time.ts';
import { type DatabaseCommand, optionTexts } from '../command.ts';
import { requireApi } from './options.ts';
import { pluralize, printable } from './text.ts';

const QUIET_MILLISECONDS = 2000;
const BETWEEN_MILLISECONDS = 500;

/** Unknown names that get a better one suggested. */
const MOST_SUGGESTIONS = 200;

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
  // The folder is at the caller's side, the catalogue perhaps in a server: what was found goes there, not the sources.
  async readLocal(input, progress) {
    const folder = input.positionals[1] as string;
    let next = systemClock.now().getTime() + QUIET_MILLISECONDS;
    const onFile = (files: number) => {
      const now = systemClock.now().getTime();
      if (now < next) return;
      next = now + BETWEEN_MILLISECONDS;
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
    const judge = createJudge(api.audience, await listPermissionHistory(em, api.id));
    const found = scan.uses.filter((one) => !ignored.has(readApp(one))).flatMap(judge);
    const skipped = scan.skipped.map(
      (file): Finding => ({ file, line: 1, kind: 'note', name: null, text: 'too large, not read' }),
    );
    const findings = [...found, ...skipped];
    const unknown = findings.filter((one) => one.kind === 'unknown').length;
    const lines = findings.map((one) => `${one.file}:${one.line}: ${one.kind === 'note' ? 'note: ' : ''}${one.text}`);
    const checked = scan.uses.filter((one) => one.permission !== null || one.app !== null).length;
    const sum = `${pluralize(scan.files, 'file')}, ${checked} checked against ${api.audience} (catalogue version ${api.catalogueVersion}): ${unknown} unknown, ${pluralize(findings.length - unknown, 'note')}.`;
    return {
      data: { audience: api.audience, version: api.catalogueVersion, files: scan.files, checked, unknown, findings },
      text: [...lines.map(printable), sum].join('\n'),
      isFailure: unknown > 0,
    };
  },
};

function readApp({ permission, app }: FoundUse): string {
  return app ?? permission?.split('.')[0] ?? '';
}

/** What there is to say about a use; nothing when it asks for what exists. */
function createJudge(
  audience: string,
  history: readonly { readonly name: string; readonly removedVersion?: number | null | undefined }[],
): (use: FoundUse) => Finding[] {
  const live = new Set(history.filter((one) => typeof one.removedVersion !== 'number').map((one) => one.name));
  const removed = new Map(history.map((one) => [one.name, one.removedVersion]));
  const apps = new Set([...live].map((name) => name.slice(0, name.indexOf('.'))));
  let suggestions = 0;
  const meant = (typed: string, known: Iterable<string>) => {
    // Each is compared with every name there is, and who gets so many looks at the first ones.
    suggestions += 1;
    const near = suggestions > MOST_SUGGESTIONS ? undefined : suggest(typed, [...known]);
    return near === undefined ? '' : ` Did you mean ${near}?`;
  };
  return ({ file, line, by, permission, app }) => {
    const unknown = (name: string, text: string): Finding[] => [{ file, line, kind: 'unknown', name, text }];
    if (app !== null)
      return apps.has(app) ? [] : unknown(app, `${audience} has no app "${app}" (${by}).${meant(app, apps)}`);
    if (permission === null)
      return [{ file, line, kind: 'note', name: null, text: `${by} is asked for what only the program knows` }];
    if (live.has(permission)) return [];
    const version = removed.get(permission);
    if (typeof version === 'number')
      return unknown(permission, `"${permission}" (${by}) was removed from ${audience} with version ${version}.`);
    return unknown(permission, `${audience} has no permission "${permission}" (${by}).${meant(permission, live)}`);
  };
}
