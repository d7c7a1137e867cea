import t from '../support/tap.ts';
import { answers, shows } from './services.ts';

await t.test('the guide of fastify shows the program that is run here', async (t) => {
  shows(t, 'node-fastify.md', 'fastify-service.mjs', 'js');
});

await t.test('the fastify service of the guide', (t) => answers(t, process.execPath, 'fastify-service.mjs'));
