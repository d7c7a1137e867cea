import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from '../support/database.ts';
import t from '../support/tap.ts';
import { tsc } from '../support/tsc.ts';
import { startIssuer } from './issuer.ts';

// What a service installs: JavaScript and types, since Node strips no types under node_modules.

const folder = mkdtempSync(join(tmpdir(), 'signet-verifier-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const env: NodeJS.ProcessEnv = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH']}` };
const run = (command: string, args: string[], cwd: string) =>
  execFileSync(command, args, { cwd, env, encoding: 'utf8' });

await t.test('the package is packed, installed and used as plain JavaScript', async (t) => {
  // Built elsewhere, so that nothing is left in the repository.
  const staged = join(folder, 'staged');
  mkdirSync(staged);
  const source = join(root, 'kits/node');
  run(tsc, ['-p', source, '--outDir', join(staged, 'dist')], root);
  const manifest = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'));
  t.same(Object.keys(manifest.dependencies), ['jose'], 'one dependency');
  t.match(manifest.scripts, { build: 'tsc -p .', prepack: 'npm run build' });
  writeFileSync(join(staged, 'package.json'), JSON.stringify(manifest));
  writeFileSync(join(staged, 'README.md'), readFileSync(join(source, 'README.md')));
  run('npm', ['pack', '--silent', '--ignore-scripts', '--offline', '--pack-destination', folder], staged);
  const [tarball] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));

  const installed = join(folder, 'service/node_modules/@signet/verifier');
  mkdirSync(installed, { recursive: true });
  run('tar', ['-xzf', join(folder, tarball as string), '-C', installed, '--strip-components=1'], folder);
  const inside = readdirSync(join(installed, 'dist'));
  t.ok(inside.includes('index.js') && inside.includes('index.d.ts') && inside.includes('fastify.js'));
  t.same(
    inside.filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts')),
    [],
    'no TypeScript but types',
  );
  for (const name of ['jose', '@types', 'undici-types', 'fastify'])
    symlinkSync(join(root, 'node_modules', name), join(folder, 'service/node_modules', name));

  const stand = await startIssuer(t);
  const program = `import { createVerifier, VerifierError } from '@signet/verifier';
    import { guard } from '@signet/verifier/fastify';
    import { guard as forExpress } from '@signet/verifier/express';
    const verifier = createVerifier({ issuer: process.env.ISSUER, audience: 'polls' });
    const user = await verifier.verify(process.env.TOKEN);
    const refused = await verifier.verify('x').catch((error) => error instanceof VerifierError && error.code);
    console.log(user.hasPerm('polls.add_choice'), user.hasPerm('polls.x'), refused, typeof guard(verifier), typeof forExpress(verifier));
    verifier.close();`;
  writeFileSync(join(folder, 'service/service.mjs'), program);
  env['ISSUER'] = stand.issuer;
  env['TOKEN'] = stand.token();
  const out = await new Promise<string>((resolve, reject) => {
    execFile(
      process.execPath,
      ['service.mjs'],
      { cwd: join(folder, 'service'), env, timeout: 20_000 },
      (error, stdout) => (error ? reject(error) : resolve(stdout)),
    );
  });
  t.equal(out.trim(), 'true false token_malformed function function');
});

await t.test('a service in TypeScript is checked against its types, Fastify included', async (t) => {
  const service = join(folder, 'service');
  const good = `import fastify from 'fastify';
import { createVerifier, type User, VerifierError, type VerifierErrorCode } from '@signet/verifier';
import { guard, userOf } from '@signet/verifier/fastify';
import { guard as forExpress } from '@signet/verifier/express';
import { createServer } from 'node:http';
const verifier = createVerifier({ issuer: 'https://id.example', audience: 'polls', maxStalenessSeconds: 10 });
const app = fastify();
app.post('/choices', { preHandler: guard(verifier, { perms: 'polls.add_choice' }) }, async (request) => {
  const user: User = userOf(request);
  return { by: user.username ?? user.clientId, may: user.hasPerms(['a.b']) && user.hasModulePerms('polls') };
});
createServer((request, response) => void forExpress(verifier, { maxAgeSeconds: 60 })(request, response, () => response.end()));
export const codeOf = (error: unknown): VerifierErrorCode | undefined => (error instanceof VerifierError ? error.code : undefined);
`;
  const bad = `import { createVerifier } from '@signet/verifier';
createVerifier({ issuer: 'https://id.example' });
`;
  const options = {
    module: 'nodenext',
    target: 'es2023',
    lib: ['es2023'],
    strict: true,
    noEmit: true,
    types: ['node'],
  };
  const check = (text: string): string => {
    writeFileSync(join(service, 'service.ts'), text);
    writeFileSync(
      join(service, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: { ...options, skipLibCheck: true }, files: ['service.ts'] }),
    );
    writeFileSync(join(service, 'package.json'), '{"type":"module"}');
    try {
      return run(tsc, ['-p', '.'], service);
    } catch (error) {
      return (error as { stdout: string }).stdout;
    }
  };
  t.equal(check(good), '');
  t.match(check(bad), /audience/);
});
