import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { IntlMessageFormat } from 'intl-messageformat';
import { problemWords } from '../../src/api/index.ts';
import { toFailure } from '../../src/cli/messages.ts';
import { DomainError } from '../../src/platform/errors.ts';
import en from '../../src/ui/messages/en.json' with { type: 'json' };
import { root } from '../support/database.ts';
import t from '../support/tap.ts';
import { type Literal, literals } from './literals.ts';

// docs/architecture.md, rule 7: words stay at the edge.

const src = join(root, 'src');
const files = globSync('**/*.ts', { cwd: src }).sort();
const read = (file: string) => readFileSync(join(src, file), 'utf8');

/** The wings that people and programs meet. */
const EDGE = /^(?:cli|api|web|ui)\/|^main\.ts$/;

interface Text extends Literal {
  readonly file: string;
}

const texts = files
  .filter((file) => !EDGE.test(file))
  .flatMap((file) => literals(read(file)).map((one): Text => ({ file, ...one })));

/** Texts below the edge that a rule does not hold for. */
interface Exception {
  readonly why: string;
  readonly file?: RegExp;
  /** The code before the text. */
  readonly before?: RegExp;
}

/** Fails for each of these texts without an exception, and for an exception that no text needs. */
function forbid(
  t: { fail(message: string): void; ok(value: unknown, message: string): void },
  found: Text[],
  exceptions: readonly Exception[],
) {
  const used = new Set<Exception>();
  for (const one of found) {
    const exception = exceptions.find(
      ({ file, before }) => (file?.test(one.file) ?? true) && (before?.test(one.before) ?? true),
    );
    if (exception) used.add(exception);
    else t.fail(`src/${one.file}:${one.line}: ${one.text.trim().slice(0, 120)}`);
  }
  for (const one of exceptions) t.ok(used.has(one), `is needed: ${one.why}`);
}

t.test('rule 7: below the edge no text names a command or an option of it', async (t) => {
  const command = /\bnpx |`signet [a-z]|(?:^|[\s(`'"])--[a-z]/;
  forbid(
    t,
    texts.filter((one) => command.test(one.text)),
    [
      {
        why: 'the options of client libraries for PKCE, which other programs read',
        file: /^oauth\/clients\/settings\.ts$/,
        before: /setting:$/,
      },
    ],
  );
});

t.test('rule 7: below the edge no text is a sentence for people', async (t) => {
  const sentence = /[a-z]{2,} [\s\S]*[a-z{}"')\]][.?!](?:\s+[A-Z]|\s*$)/;
  forbid(
    t,
    texts.filter(({ text }) => sentence.test(text) && text.trim().split(/\s+/).length >= 3),
    [
      { why: 'descriptions in openapi.yaml, which is made from the routes', before: /\b(?:description|summary):$/ },
      {
        why: 'error_description (RFC 6749 §5.2), for the developers of clients, and its page',
        file: /^oauth\/(?:errors|metadata-errors|error-meanings)\.ts$/,
      },
      {
        why: 'descriptions of settings beside their defaults, for docs/configuration.md',
        file: /^platform\/config\/(?:settings|limits)\.ts$/,
        before: /^'[A-Z_]+',$/,
      },
      { why: 'the help of metrics, which Prometheus shows', file: /^platform\/telemetry\/metrics\.ts$/ },
      {
        why: 'the answers of the metrics port in plain text, which no other edge gives',
        file: /^platform\/telemetry\/serve-metrics\.ts$/,
        before: /\bsend\(\d+, plain,$/,
      },
      { why: 'faults of Signet or of its installation, which no table foresees', before: /\bnew (?:Range)?Error\($/ },
    ],
  );
});

/** The codes of a table of errors, from its interface, and those of the table that it extends. */
function codesOf(text: string, table: string): string[] {
  const [, parent, body = ''] =
    new RegExp(`interface ${table}(?: extends (\\w+))? \\{\\n([\\s\\S]*?)\\n\\}`).exec(text) ?? [];
  const own = [...body.matchAll(/^ {2}readonly (\w+):/gm)].map(([, code]) => code as string);
  return parent === undefined ? own : [...own, ...codesOf(text, parent)];
}

/** Whether a text may miss the parameters is of no matter here: it is there. */
function hasText(make: () => string, missing: RegExp): boolean {
  try {
    return !missing.test(make());
  } catch {
    return true;
  }
}

t.test('rule 7: every refusal of the domain has a text in the table of its edge', async (t) => {
  const tables = files.flatMap((file) => {
    const text = read(file);
    const names = [...text.matchAll(/= domainErrors<(\w+)>\(\)/g)].map(([, table]) => table as string);
    return names.map((table) => ({ file, table, codes: codesOf(text, table) }));
  });
  t.ok(tables.length > 12, 'the tables were found');
  for (const { file, table, codes } of tables) {
    t.ok(codes.length > 0, `${file} ${table} has codes`);
    const isOfRequests = table === 'RequestFaults' || table === 'StatusListErrors';
    for (const code of codes) {
      const error = new DomainError(code);
      const has = isOfRequests
        ? hasText(() => problemWords.detail(error), new RegExp(`^${code}$`))
        : hasText(() => toFailure(error).message, /no message for this code/);
      if (!has) t.fail(`${table}: ${code} has no text in ${isOfRequests ? 'api/problems.ts' : 'cli/messages.ts'}`);
    }
  }
});

t.test('rule 7: every text of en.json is used, and is valid ICU MessageFormat', async (t) => {
  const edge = files
    .filter((file) => EDGE.test(file))
    .map(read)
    .join('\n');
  const codes = ['users/fields.ts', 'users/users.ts', 'passwords/validators.ts'].map(read).join('\n');
  const issues = codesOf(read('permissions/sync-file.ts'), 'IssueCodes');
  for (const [key, text] of Object.entries(en)) {
    t.doesNotThrow(() => new IntlMessageFormat(text, 'en').getAst(), key);
    const [scope, code = ''] = key.split('.');
    const isUsed =
      edge.includes(`'${key}'`) || (scope === 'document' ? issues.includes(code) : codes.includes(`'${code}'`));
    t.ok(isUsed, `${key} is used`);
    if (!text.includes('{')) t.equal(new IntlMessageFormat(text, 'en').format(), text, `${key}: no quote is a syntax`);
  }
  t.same(Object.keys(en), Object.keys(en).toSorted(), 'in the order of the alphabet');
});
