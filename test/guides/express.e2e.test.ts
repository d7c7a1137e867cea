import t from '../support/tap.ts';
import { answers, shows } from './services.ts';

await t.test('the guide of express shows the program that is run here', async (t) => {
  shows(t, 'node-express.md', 'express-service.mjs', 'js');
});

await t.test('the express service of the guide', (t) => answers(t, process.execPath, 'express-service.mjs'));
