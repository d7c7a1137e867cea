import { apiSettingFlags } from '../../src/cli/declarations/api-settings.ts';
import { booleanNames, clientSettingNames, clientSettingTexts } from '../../src/cli/declarations/client-settings.ts';
import { clientSettingTable, type SettingName } from '../../src/oauth/client-settings/index.ts';
import { clientMetadataSchema } from '../../src/oauth/register/schemas.ts';
import { type ApiSettingName, apiSettingNames, apiSettingTable } from '../../src/permissions/api-settings/index.ts';
import { onEachEngine } from '../support/database.ts';
import t from '../support/tap.ts';
import { openCliHarness } from './harness.ts';

const URL = 'https://shop.example/there';

/** Another value than the default: as it is typed, and as `--json` has it. */
function otherValue(name: SettingName): readonly [typed: string, stored: unknown] | null {
  const one = clientSettingTable[name];
  switch (one.kind) {
    case 'boolean':
      return [booleanNames(name)[one.default ? 1 : 0], !one.default];
    case 'choice': {
      const other = one.choices.find((choice) => choice !== one.default) as string;
      return [other, other];
    }
    case 'seconds':
      return ['600', 600];
    case 'url':
      return [URL, URL];
    case 'redirects':
      return [URL, [URL]];
    default:
      return null;
  }
}

function otherApiValue(name: ApiSettingName): readonly [typed: string, shown: unknown] {
  const one = apiSettingTable[name];
  switch (one.kind) {
    case 'text':
      return ['Voting', 'Voting'];
    case 'choice': {
      const other = one.choices.find((choice) => choice !== one.default) as string;
      return [other, other];
    }
    case 'range':
      return [String(one.from), one.from];
    case 'switch': {
      const other = one.names[one.default ? 1 : 0];
      return [other, one.names[0] === 'on' ? !one.default : other];
    }
  }
}

t.test('docs/clients.md: the settings of clients and APIs', (t) =>
  onEachEngine(t, async (t, db) => {
    const cli = await openCliHarness(db);
    await cli.json('api create polls');
    const callback = '--redirect-uri https://shop.example/cb';
    await cli.json(`client create Shop --preset web --first-party ${callback}`);

    await t.test('every setting with an option is set by it, and shown under its name', async (t) => {
      for (const name of clientSettingNames) {
        const { flag, json } = clientSettingTexts[name];
        const [typed, stored] = otherValue(name) ?? [];
        if (flag === undefined || typed === undefined || name === 'askConsent') continue;
        const wire = json ?? clientSettingTable[name].member ?? '';
        await cli.json(`client update Shop --${flag[0]} ${typed}`);
        t.same((await cli.json('client show Shop'))[wire], stored, name);
        t.match((await cli.run('client show Shop')).stdout, `\n${clientSettingTexts[name].label} `, name);
        if (clientSettingTable[name].default !== null) continue;
        await cli.json(`client update Shop --${flag[0]} none`);
        t.equal((await cli.json('client show Shop'))[wire], null, `${name} none`);
      }
    });

    await t.test('every setting of an API is set by its option, and shown under its name', async (t) => {
      for (const name of apiSettingNames) {
        const [typed, shown] = otherApiValue(name);
        await cli.json(`api update polls --${apiSettingFlags[name][0]} ${typed}`);
        t.same((await cli.json('api show polls')).api[apiSettingTable[name].wire], shown, name);
      }
    });

    await t.test('a file for api sync sets the same settings', async (t) => {
      const lines = (section: 'top' | 'token') =>
        apiSettingNames
          .filter((name) => apiSettingTable[name].section === section)
          .map((name) => `${apiSettingTable[name].wire}: ${otherApiValue(name)[0]}`);
      const file = `audience: questions\n${lines('top').join('\n')}\ntoken:\n  ${lines('token').join('\n  ')}\n`;
      await cli.json('api sync f', { file });
      const { api } = await cli.json('api show questions');
      for (const name of apiSettingNames)
        if (apiSettingTable[name].section !== null)
          t.same(api[apiSettingTable[name].wire], otherApiValue(name)[1], name);
    });
  }),
);

t.test('RFC 7591 §2: what metadata has a name for can be registered', async (t) => {
  for (const name of clientSettingNames) {
    const { member } = clientSettingTable[name];
    if (member !== null) t.ok(Object.hasOwn(clientMetadataSchema.properties, member), member);
    else t.ok(clientSettingTexts[name].json !== undefined || name === 'askConsent', name);
  }
});
