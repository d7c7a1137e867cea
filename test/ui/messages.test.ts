import { fieldText, issueText, message, wait } from '../../src/ui/messages.ts';
import t from '../support/tap.ts';

t.test('docs/decisions/0022: a text is in the plural that its number needs, and names what it is about', async (t) => {
  const texts: [string, string][] = [
    [message('login.throttled', wait(1)), 'There were too many attempts. Try again in 1 second.'],
    [message('login.throttled', wait(119)), 'There were too many attempts. Try again in 119 seconds.'],
    [message('login.throttled', wait(121)), 'There were too many attempts. Try again in 3 minutes.'],
    [message('device.throttled', wait(3600)), 'There were too many wrong codes. Try again in 60 minutes.'],
    [
      message('catalogue.too_large', { audience: 'polls', count: 12_000, max: 10_000 }),
      'polls would have 12,000 permissions, and a catalogue can have at most 10,000. Remove some first.',
    ],
    [
      message('password_hash.over_bound', { bound: 'bcryptCost', value: 17, max: 16 }),
      'bcrypt cost 17 is more than 16',
    ],
    [
      message('logout.state_too_long', { max: 8192 }),
      'The parameter state is too long. It can have at most 8192 characters.',
    ],
    [
      fieldText({ pointer: '/password', code: 'password_too_similar', params: { attribute: 'first_name' } }),
      'The password is too similar to the first name.',
    ],
    [
      issueText({ path: [], code: 'not_a_choice', params: { choices: ['at+jwt', 'JWT'] } }),
      'must be one of at+jwt, JWT',
    ],
    [
      issueText({ path: [], code: 'out_of_range', params: { from: 1024, to: 8192 } }),
      'must be a whole number from 1024 to 8192',
    ],
    [
      issueText({ path: [], code: 'unknown_field', params: { name: 'model', fields: ['models', 'permissions'] } }),
      'has an unknown field model; its fields are models, permissions',
    ],
  ];
  for (const [text, expected] of texts) t.equal(text, expected);
});
